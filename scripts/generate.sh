#!/usr/bin/env bash
# Generates demonstrations with the embedded runtime. `generate.sh --help` lists the options.
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/datagen.sh" generate "$@"
