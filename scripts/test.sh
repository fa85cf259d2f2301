#!/usr/bin/env bash
# Runs every check: lint, format, types and tests. With arguments, only the tests, with these pytest arguments.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
bin=.venv/bin
# Containers of CI often set it; every start of the simulation would then compile all of Isaac Lab and torch anew, which
# takes longer than starting does.
unset PYTHONDONTWRITEBYTECODE

# What the tests of the window and of the notebook are: a display in memory with a mouse and a keyboard, and a browser.
# needs MESSAGE COMMAND PACKAGE...: installs the packages when the command is not there, or says what is skipped.
needs() {
    local skipped=$1 program=$2
    shift 2
    command -v "$program" >/dev/null && return
    if ((EUID == 0)) && command -v apt-get >/dev/null && apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
        return
    fi
    printf 'test: %s are skipped; for them: apt-get install %s\n' "$skipped" "$*" >&2
}
needs "the tests of the report" npm npm
./scripts/setup.sh --with physx --with humanoid --with formats
needs "the tests of the panel" Xvfb xvfb libvulkan1 libgl1 libx11-6
needs "the tests of the panel" xdotool xdotool
needs "the tests of rerun's viewer" vulkaninfo mesa-vulkan-drivers vulkan-tools
needs "the notebook's tests in a browser" chromedriver chromium chromium-driver
needs "the tests of the report's pages on paper" soffice libreoffice-writer
needs "the tests of the report's pages on paper" pdftoppm poppler-utils
NOTEBOOK_SETUP_ONLY=1 ./scripts/notebook.sh
# Isaac Sim's own Python code, over which whole runs are tested; its binaries are not used.
wheels=.cache/isaacsim
if ! cmp -s tests/requirements-isaacsim.txt "$wheels/installed.txt"; then
    if "$bin/uv" pip install --quiet --python "$bin/python" --no-deps --target "$wheels" -r tests/requirements-isaacsim.txt; then
        cp tests/requirements-isaacsim.txt "$wheels/installed.txt"
    else
        echo "test: a few tests of runs in Isaac Sim are skipped, because its wheels could not be installed" >&2
    fi
fi
# LeRobot itself, which reads what is exported for it: it wants other versions of a few packages, and has torch from here.
lerobot=.cache/lerobot
if ! cmp -s tests/requirements-lerobot.txt "$lerobot/installed.txt"; then
    if "$bin/uv" venv --quiet --clear --python "$bin/python" "$lerobot" &&
        "$bin/uv" pip install --quiet --python "$lerobot/bin/python" --no-deps -r tests/requirements-lerobot.txt; then
        printf '%s\n' "$PWD"/.venv/lib/python3.12/site-packages >"$lerobot/lib/python3.12/site-packages/project.pth"
        cp tests/requirements-lerobot.txt "$lerobot/installed.txt"
    else
        echo "test: LeRobot could not be installed, so the tests that read with it are skipped" >&2
    fi
fi
types=
if [ $# -eq 0 ]; then
    "$bin/ruff" check .
    "$bin/ruff" format --check .
    "$bin/mypy" & # it uses one core, and the tests wait for the other processes that they start now and then
    types=$!
    # A file of tests runs in one process, with one Kit application; the files that take longest come first.
    set -- --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 15 --cov --cov-report=term \
        tests/generation tests/embedded tests/tasks tests/robots tests/isaaclab tests/test_docker.py tests/cli/test_commands.py tests/kit tests
fi
failed=0
./scripts/python.sh -m pytest "$@" || failed=$?
[ -z "$types" ] || wait "$types" || failed=$?
exit "$failed"
