#!/usr/bin/env bash
# Makes <repository>/.venv from requirements.lock, or does nothing if it is already there.
#   ACCEPT_EULA=Y scripts/setup.sh      accept the licences (see below), which is remembered
#   ACCEPT_EULA=N ...                   whatever is remembered, they are not accepted this time
#   scripts/setup.sh --with physx       PhysX for the embedded runtime, too: 200 MB to download, 640 MB on disk
#   scripts/setup.sh --with humanoid    the model of a humanoid robot: 150 MB to download, 530 MB on disk
#   scripts/setup.sh --with formats     what other formats are written with: 230 MB to download, 660 MB on disk
#   scripts/setup.sh --with train       formats, and what policies are trained with: 130 MB to download, 550 MB on disk
#   scripts/setup.sh --with policies    what policies of others are asked with: 15 MB to download, 55 MB on disk
#   scripts/setup.sh --with cluster     runs over several processes and machines: 85 MB to download, 225 MB on disk
#   PYTHON=/path/to/python3.12          which Python to use
set -euo pipefail

repo=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$repo/.venv
lock=$repo/requirements.lock
stamp=$venv/.lock.sha256
need_mb=6144 # the environment takes 5.1 GB; the rest is for temporary files
step=start
: "${HOME:=$(cd ~ && pwd)}"

refuse() { # every argument is one line
    trap - EXIT
    printf 'setup: %s\n' "$@" >&2
    exit 2
}

groups=()
while (($#)); do
    [[ $1 == --with && -f $repo/requirements-${2:-}.lock ]] ||
        refuse "'$*' is not understood; the only options are: --with physx, --with humanoid, --with formats, --with train, --with policies, --with cluster"
    [[ $2 != train ]] || groups+=(formats) # LeRobot reads Parquet with it
    groups+=("$2")
    shift 2
done

begin() {
    step=$1
    printf 'setup: [%3ds] %s\n' "$SECONDS" "$step"
}

is_done() { # the lock was installed, here (a moved environment is broken), and its Python still exists
    [[ -f $stamp && -x $venv/bin/python && $(<"$stamp") == "$lock_sum" ]] && grep -qsF -- "-m venv $venv" "$venv/pyvenv.cfg"
}

# Three.js, for the pages of reports: what package-lock.json names. Without npm there are no reports, and all else works.
bring_three() {
    local web=$repo/exts/mimicgen.datagen/mimicgen/datagen/report/web
    local whole=$web/node_modules/.package-lock.json # which npm writes last
    [[ ! -f $whole ]] && command -v npm >/dev/null || return 0
    (
        flock 8
        [[ -f $whole ]] || npm ci --silent --prefix "$web" ||
            echo "setup: npm could not bring Three.js, so reports cannot be written; run this again with a network" >&2
    ) 8>"$venv/.three.lock"
}

# The page about the project, which contains Three.js and the robot.
make_project_page() {
    local page=$repo/docs/project.html
    [[ ! -f $page && -d $repo/docs/measured && -f $repo/exts/mimicgen.datagen/mimicgen/datagen/report/web/node_modules/.package-lock.json ]] || return 0
    (
        flock 8
        [[ -f $page ]] || PYTHONPATH=$repo/exts/mimicgen.datagen "$venv/bin/python" "$repo/scripts/project_page.py" >&2 ||
            echo "setup: docs/project.html could not be made; the reason stands above, and everything else works" >&2
    ) 8>"$venv/.three.lock"
}

# Policies are trained in an environment of their own, since LeRobot wants other versions of a few packages; torch and
# whatever else it lacks it has from here.
add_train() {
    local lock=$repo/requirements-train.lock train=$repo/.cache/train sum
    read -r sum _ < <(sha256sum "$lock")
    [[ ! -x $train/bin/python || ! -f $train/.lock.sha256 || $(<"$train/.lock.sha256") != "$sum $venv" ]] || return 0
    begin "packages for train"
    (
        flock 8
        "$venv/bin/uv" venv --quiet --clear --python "$venv/bin/python" "$train"
        UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} "$venv/bin/uv" pip install --quiet --python "$train/bin/python" \
            --no-deps --require-hashes -r "$lock"
        printf '%s\n' "$venv/lib/python3.12/site-packages" >"$train/lib/python3.12/site-packages/project.pth"
        printf '%s\n' "$sum $venv" >"$train/.lock.sha256"
    ) 8>"$venv/.train.lock"
}

# What not everybody needs: a lock of its own each, installed into the same environment.
add_groups() {
    local group lock sum
    for group in ${groups[@]+"${groups[@]}"}; do
        if [[ $group == train ]]; then
            add_train
            continue
        fi
        lock=$repo/requirements-$group.lock
        read -r sum _ < <(sha256sum "$lock")
        [[ ! -f $venv/.$group.sha256 || $(<"$venv/.$group.sha256") != "$sum" ]] || continue
        begin "packages for $group"
        UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
            --no-deps --require-hashes -r "$lock"
        printf '%s\n' "$sum" >"$venv/.$group.sha256"
    done
}

on_exit() {
    (($? == 0)) && return
    printf 'setup: %s\n' "failed at step $step; the reason stands above. $venv is incomplete." \
        "If a download failed, check the network and run this again: finished downloads are kept." >&2
    exit 1
}

# Accepting holds for this user and this text of the agreement, until the file is removed.
agreement="NVIDIA Omniverse License Agreement, https://docs.omniverse.nvidia.com/platform/latest/common/NVIDIA_Omniverse_License_Agreement.html"
accepted=${XDG_CONFIG_HOME:-$HOME/.config}/mimicgen.datagen/licences

are_accepted() {
    case ${ACCEPT_EULA:-remembered} in
        Y | y | Yes | yes | YES | 1) ;;
        remembered)
            grep -qsF "accepted: $agreement" "$accepted"
            return
            ;;
        *) return 1 ;;
    esac
    grep -qsF "accepted: $agreement" "$accepted" && return
    if mkdir -p -- "${accepted%/*}" 2>/dev/null &&
        printf '%s accepted: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$agreement" 2>/dev/null >>"$accepted"; then
        echo "setup: that the licences were accepted is remembered in $accepted; remove it to withdraw that" >&2
    else
        echo "setup: $accepted cannot be written, so ACCEPT_EULA=Y is wanted next time, too" >&2
    fi
}

read -r lock_sum _ < <(sha256sum "$lock")
if ! are_accepted; then
    is_done && state="the licences are not accepted." || state="nothing was installed: licences have to be accepted first."
    refuse "$state" \
        "The NVIDIA Omniverse License Agreement covers the Omniverse Kit kernel and the Isaac Sim assets:" \
        "  ${agreement#*, }" \
        "Isaac Lab comes under BSD-3-Clause, its Mimic part under Apache-2.0." \
        "To accept them, set ACCEPT_EULA=Y once, which is remembered:  ACCEPT_EULA=Y ./scripts/${0##*/}"
fi

if is_done; then
    add_groups
    bring_three
    make_project_page
    exit 0
fi

# What the wheels need of the machine.
[[ $(uname -sm) == "Linux x86_64" ]] || refuse "this needs Linux on x86-64; here is $(uname -sm)."
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
glibc=${glibc#glibc }
[[ $glibc =~ ^[0-9]+\.[0-9]+ && $(printf '%s\n' 2.35 "$glibc" | sort -V | head -n 1) == 2.35 ]] ||
    refuse "this needs glibc 2.35 or newer; here is '${glibc:-no glibc}'. Ubuntu 22.04 and Debian 12 are new enough."
command -v flock >/dev/null || refuse "flock is missing. Debian, Ubuntu: apt install util-linux"

# A Python 3.12 that can make a virtual environment.
unset PYTHONHOME PYTHONPATH
probe='
import importlib, sys
if sys.version_info[:2] != (3, 12): sys.exit("is Python %d.%d" % sys.version_info[:2])
if sys.maxsize < 2**32: sys.exit("is a 32-bit Python")
for name in ("ensurepip", "venv", "ssl", "zlib", "ctypes", "sqlite3"):
    try: importlib.import_module(name)
    except ImportError: sys.exit("lacks the module " + name)
print(sys.executable)'

if [[ ${PYTHON:-} == */* && $PYTHON != /* ]]; then PYTHON=$PWD/$PYTHON; fi
cd -- "$repo" # uv obeys the uv.toml and pyproject.toml of the working directory

find_python() {
    local candidate found rejected=()
    local candidates=(python3.12 {"${PYENV_ROOT:-$HOME/.pyenv}","$HOME/.pyenv"}/versions/3.12.*/bin/python3.12
        python3 /usr/bin/python3.12)
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        command -v -- "$candidate" >/dev/null || continue
        # From /: a pyenv shim obeys the .python-version of the working directory.
        if found=$(cd / && "$candidate" -c "$probe" 2>&1) && [[ -x $found ]]; then
            python=$found && return
        fi
        rejected+=("  $candidate: ${found##*$'\n'}")
    done
    refuse "no usable Python 3.12 was found${PYTHON:+ (PYTHON is set, so no other was tried)}." "${rejected[@]}" \
        "Ubuntu 24.04 and newer: apt install python3.12 python3.12-venv" \
        "Elsewhere, with pyenv: pyenv install 3.12 (first: apt install build-essential libssl-dev zlib1g-dev libffi-dev libsqlite3-dev)" \
        "Or name one: PYTHON=/path/to/python3.12"
}

find_python
exec 9>"$repo/.venv.lock"
flock -n 9 || { echo "setup: waiting for another set-up of this repository" >&2 && flock 9; }
if is_done; then # it was made while this waited
    add_groups
    exit 0
fi

trap on_exit EXIT
rm -rf -- "$venv"
cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/uv}
for folder in "$repo" "$cache"; do
    while [[ ! -d $folder ]]; do folder=$(dirname -- "$folder"); done
    free_mb=$(df -Pm -- "$folder" | awk 'NR == 2 { print $4 }')
    ((free_mb >= need_mb)) || refuse "$need_mb MB of free disk space are needed; $folder has $free_mb MB." \
        "The download cache is $cache; UV_CACHE_DIR moves it."
done
begin "1/3 virtual environment ($("$python" --version))"
"$python" -m venv -- "$venv"

begin "2/3 installer"
# uv, and what builds the one package that is published as source only: their entries in the lock.
awk '/^[^ #]/ { ours = /^(uv|setuptools)==/ } ours' "$lock" >"$venv/installer.txt"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-user --no-deps --require-hashes \
    --only-binary :all: -r "$venv/installer.txt"

begin "3/3 packages: 3.0 GB to download unless cached, 5.1 GB on disk"
quiet=(--quiet)
[[ ! -t 2 ]] || quiet=()
UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} "$venv/bin/uv" pip install "${quiet[@]}" --python "$venv/bin/python" \
    --no-deps --require-hashes --no-build-isolation -r "$lock"

printf '%s\n' "$lock_sum" >"$stamp"
add_groups
if ! command -v npm >/dev/null; then
    echo "setup: npm is not installed, so reports cannot be written. Debian, Ubuntu: apt install npm" >&2
fi
bring_three
make_project_page
begin "done"
