#!/usr/bin/env bash
# The one command line: sets up once, then runs a command. `datagen.sh --help` lists them.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${1:-}" = benchmark ]; then
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    exec "$root/scripts/python.sh" -m scripts.benchmark "${@:2}"
fi
exec "$root/scripts/python.sh" -m mimicgen.datagen.cli "$@"
