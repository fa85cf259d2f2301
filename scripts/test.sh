#!/usr/bin/env bash
# Runs every check: lint, format, types and tests. With arguments, only the tests, with these pytest arguments.
#   COVERAGE=1 scripts/test.sh      also tells which lines no test runs, which takes a tenth more time
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
bin=.venv/bin
# Containers of CI often set it; every start of the simulation would then compile all of Isaac Lab and torch anew, which
# takes longer than starting does.
unset PYTHONDONTWRITEBYTECODE

# needs MESSAGE COMMAND PACKAGE...: installs the packages when the command is not there, or says what is skipped.
needs() {
    local skipped=$1 program=$2
    shift 2
    command -v "$program" >/dev/null && return
    if ((EUID == 0)) && command -v apt-get >/dev/null && listed &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
        return
    fi
    printf 'test: %s are skipped; for them: apt-get install %s\n' "$skipped" "$*" >&2
}
listed() { # asks for the lists of packages once
    [ -n "${lists:-}" ] || { apt-get update -qq && lists=here; }
}
trap wait EXIT # nothing that was started goes on when this ends
needs "the tests of the report" npm npm # set-up wants it
# The rest comes from elsewhere than the Python packages, and is brought beside them: what the tests of the window and of
# the notebook are, a display in memory with a mouse and a keyboard, and a browser.
{
    needs "the tests of the panel" Xvfb xvfb libvulkan1 libgl1 libx11-6
    needs "the tests of the panel" xdotool xdotool
    needs "the tests of rerun's viewer" vulkaninfo mesa-vulkan-drivers vulkan-tools
    needs "the notebook's tests in a browser" chromedriver chromium chromium-driver
    needs "the tests of the report's pages on paper" soffice libreoffice-writer
    needs "the tests of the report's pages on paper" pdftoppm poppler-utils
} &
packages=$!
./scripts/setup.sh --with physx --with humanoid --with formats --with train --with policies --with cluster
NOTEBOOK_SETUP_ONLY=1 ./scripts/notebook.sh &
notebook=$!
types=
if [ $# -eq 0 ]; then
    "$bin/ruff" check .
    "$bin/ruff" format --check .
    "$bin/mypy" & # it uses one core, and the tests wait for the other processes that they start now and then
    types=$!
fi
# Isaac Sim's own Python code, over which whole runs are tested; its binaries are not used.
wheels=.cache/isaacsim
if ! cmp -s tests/requirements-isaacsim.txt "$wheels/installed.txt"; then
    if "$bin/uv" pip install --quiet --python "$bin/python" --no-deps --target "$wheels" -r tests/requirements-isaacsim.txt; then
        cp tests/requirements-isaacsim.txt "$wheels/installed.txt"
    else
        echo "test: a few tests of runs in Isaac Sim are skipped, because its wheels could not be installed" >&2
    fi
fi
if [ $# -eq 0 ]; then
    # A file of tests runs in one process, with one Kit application. Three processes keep two cores busy, because a part of
    # the time they wait for others that they start; more of them only make each other slower. First come three files that
    # do not simulate in the beginning beside one that does: on a new machine it compiles Isaac Lab and its kernels, which
    # takes a minute, and all would if all began with them. The files that take longest follow, so that none is left at the
    # end. (Of a file and its folder, pytest takes the folder.)
    first=(test_task_docs test_hostile_names dataset/test_fuzz test_existing_outputs kit/test_panel cli/test_commands
        test_docker test_notebook cluster/test_ray kit/test_panel_cluster generation/test_constraints
        embedded/test_physx test_robot_docs generation/test_order kit/test_panel_window
        dataset/formats/lerobot/test_lerobot policies/training/test_learning kit/test_extension embedded/test_physics
        kit/test_loops report/test_live policies/clients/test_lerobot kit/test_session_in_kit
        kit/test_record_and_annotate kit/test_isaacsim_run kit/test_rasteriser generation/test_machine
        embedded/test_two_robots session/test_task_file session/test_registered report/test_page)
    first=("${first[@]/#/tests/}")
    first=("${first[@]/%/.py}")
    mapfile -t rest < <(find tests -name 'test_*.py' | sort | grep -vxF "$(printf '%s\n' "${first[@]}")")
    set -- --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 25 "${first[@]}" "${rest[@]}"
    [ -z "${COVERAGE:-}" ] || set -- --cov --cov-report=term "$@"
fi
wait "$notebook"
wait "$packages"
failed=0
./scripts/python.sh -m pytest "$@" || failed=$?
[ -z "$types" ] || wait "$types" || failed=$?
exit "$failed"
