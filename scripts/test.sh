#!/usr/bin/env bash
# Runs every check: lint, format, types and tests. With arguments, only the tests, with these pytest arguments.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh
bin=.venv/bin
if [ $# -eq 0 ]; then
    "$bin/ruff" check .
    "$bin/ruff" format --check .
    "$bin/mypy"
    set -- --cov --cov-report=term
fi
exec ./scripts/python.sh -m pytest "$@"
