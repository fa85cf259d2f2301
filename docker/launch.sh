#!/usr/bin/env bash
# Starts what MODE says, in a container or on any machine with the project; results go to ./datasets and ./output.
#   MODE=standalone   generate and end, with the run's exit code (default)
#   MODE=gui          the panel: in a window where DISPLAY names a screen, by WebRTC from Isaac Sim where there is none
#   MODE=jupyter      the notebook in JupyterLab, with a token
#   MODE=selftest     try everything that a run needs
# NUM_TRIALS, NUM_ENVS and, after MIMICGEN_DATAGEN_ (MIMICGEN_DATAGEN_SEED), every key of config/default.toml outside its
# tables are environment variables.
# Further arguments are those of `datagen.sh generate`, with the embedded runtime, or Kit's, with Isaac Sim.
set -euo pipefail
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
mode=${MODE:-standalone}

refuse() { # every argument is one line
    printf 'launch: %s\n' "$@" >&2
    exit 2
}

case ${ACCEPT_EULA:-} in
    Y | y | Yes | yes | YES | 1) ;;
    *) refuse "the licences were not accepted: set ACCEPT_EULA=Y, in docker/.env for compose." \
        "NVIDIA Omniverse License Agreement: https://docs.omniverse.nvidia.com/platform/latest/common/NVIDIA_Omniverse_License_Agreement.html" ;;
esac
case $mode in
    standalone | gui | jupyter | selftest) ;;
    *) refuse "MODE = '$mode': expected standalone, gui, jupyter or selftest" ;;
esac

workspace=$PWD
export MIMICGEN_DATAGEN_OUTPUT_DATASET=${MIMICGEN_DATAGEN_OUTPUT_DATASET:-$workspace/datasets/generated_dataset.hdf5}
export MIMICGEN_DATAGEN_OUTPUT_DIR=${MIMICGEN_DATAGEN_OUTPUT_DIR:-$workspace/output}
for folder in "$(dirname -- "$MIMICGEN_DATAGEN_OUTPUT_DATASET")" "$MIMICGEN_DATAGEN_OUTPUT_DIR"; do
    mkdir -p -- "$folder" 2>/dev/null || true
    [[ -w $folder ]] || refuse "'$folder' cannot be written by user $(id -u):$(id -g)." \
        "Mount a folder of that user, or run as another: USER_ID=\$(id -u) GROUP_ID=\$(id -g), in docker/.env for compose."
done
source=${MIMICGEN_DATAGEN_SOURCE:-}
if [[ -n $source && ! -e $source ]]; then
    refuse "MIMICGEN_DATAGEN_SOURCE = '$source' does not exist in $workspace; mounted are ./datasets and ./output."
fi

if [[ $mode == jupyter ]]; then
    export JUPYTER_ROOT=$workspace
    mkdir -p -- "$workspace/output"
    # A copy that can be saved, beside the results.
    [[ -e $workspace/output/generate_dataset.ipynb ]] ||
        cp -- "$project/notebook/generate_dataset.ipynb" "$workspace/output/"
    export JUPYTER_URL=/lab/tree/output/generate_dataset.ipynb
fi

if [[ -z ${ISAACSIM_PATH:-} ]]; then
    case $mode in
        standalone) exec "$project/scripts/generate.sh" "$@" ;;
        selftest) exec "$project/scripts/datagen.sh" selftest "$@" ;;
        gui) exec "$project/scripts/gui.sh" "$@" ;;
        jupyter) exec "$project/scripts/notebook.sh" "$@" ;;
    esac
fi

kit=$ISAACSIM_PATH/kit/kit
[[ -x $kit ]] || refuse "ISAACSIM_PATH = '$ISAACSIM_PATH' has no kit/kit; unset it to use the embedded runtime."
export MIMICGEN_DATAGEN_SOURCE=${source:-$project/datasets/source_demos.hdf5}
app=$project/config/mimicgen.datagen.isaacsim
options=("--portable-root=${XDG_CACHE_HOME:-$HOME/.cache}/isaacsim")
settings=--/exts/mimicgen.datagen
case $mode in
    standalone) exec "$kit" "$app.headless.kit" --no-window "${options[@]}" \
        "$settings/autostart=true" "$settings/quit_when_done=true" "$@" ;;
    selftest) exec "$kit" "$app.headless.kit" --no-window "${options[@]}" "$settings/selftest=true" "$@" ;;
    gui)
        if [[ -n ${DISPLAY:-} ]]; then
            exec "$kit" "$app.kit" "${options[@]}" "$@"
        fi
        if [[ -n ${PUBLIC_IP:-} ]]; then # the address that a viewer elsewhere reaches
            options+=("--/exts/omni.kit.livestream.app/primaryStream/publicIp=$PUBLIC_IP")
        fi
        exec "$kit" "$app.streaming.kit" --no-window "${options[@]}" "$@"
        ;;
    jupyter)
        export PYTHONPATH="$project/exts/mimicgen.datagen"
        exec "$project/notebook/.venv/bin/jupyter" lab --ServerApp.ip="${JUPYTER_IP:-127.0.0.1}" --ServerApp.port=8888 \
            --ServerApp.root_dir="$JUPYTER_ROOT" --LabApp.default_url="$JUPYTER_URL" "$@"
        ;;
esac
