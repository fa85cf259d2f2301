#!/usr/bin/env bash
# Opens the panel in a window of the desktop. `gui.sh --help` lists the options.
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/datagen.sh" gui "$@"
