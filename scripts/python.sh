#!/usr/bin/env bash
# Sets up once, then runs the project's Python with the given arguments.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
"$root/scripts/setup.sh"
export ACCEPT_EULA=Y # or it would have ended here
export PYTHONPATH="$root/exts/mimicgen.datagen${PYTHONPATH:+:$PYTHONPATH}"
exec "$root/.venv/bin/python" "$@"
