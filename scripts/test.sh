#!/usr/bin/env bash
# Runs every check: lint, format, types and tests. With arguments, only the tests, with these pytest arguments.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
./scripts/setup.sh
bin=.venv/bin

# The panel's tests need a display in memory, a mouse and a keyboard for it, and the libraries of a window.
packages=(xvfb xdotool libvulkan1 libgl1 libx11-6)
if ! command -v Xvfb xdotool >/dev/null || ! ldconfig -p | grep -q 'libvulkan\.so\.1' || ! ldconfig -p | grep -q 'libGL\.so\.1'; then
    if ((EUID == 0)) && command -v apt-get >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        printf 'test: the tests of the panel are skipped; for them: apt-get install %s\n' "${packages[*]}" >&2
    fi
fi
if [ $# -eq 0 ]; then
    "$bin/ruff" check .
    "$bin/ruff" format --check .
    "$bin/mypy"
    # A file of tests runs in one process, with one Kit application.
    set -- --numprocesses 2 --dist loadfile --durations 15 --cov --cov-report=term
fi
exec ./scripts/python.sh -m pytest "$@"
