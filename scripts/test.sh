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
    # A file of tests runs in one process, with one Kit application.
    set -- --numprocesses 2 --dist loadfile --durations 15 --cov --cov-report=term
fi
exec ./scripts/python.sh -m pytest "$@"
