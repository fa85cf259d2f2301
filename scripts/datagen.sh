#!/usr/bin/env bash
# The one command line: sets up once, then runs a command. `datagen.sh --help` lists them.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
exec "$root/scripts/python.sh" -m mimicgen.datagen.cli "$@"
