#!/usr/bin/env bash
# Opens the notebook in JupyterLab, on this machine only and with a token. Arguments go to `jupyter lab`.
# NOTEBOOK_SETUP_ONLY=1 makes its environment, notebook/.venv, and opens nothing.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
"$root/scripts/setup.sh"
export ACCEPT_EULA=Y # or it would have ended here
venv=$root/notebook/.venv
lock=$root/notebook/requirements.lock
stamp=$venv/.lock.sha256
read -r lock_sum _ < <(sha256sum "$lock")
if [[ ! -f $stamp || $(<"$stamp") != "$lock_sum" ]]; then
    "$root/.venv/bin/uv" venv --quiet --clear --python "$root/.venv/bin/python" "$venv"
    "$root/.venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    # JupyterLab asks nobody for news or newer versions.
    install -D -m 644 "$root/notebook/overrides.json" "$venv/share/jupyter/lab/settings/overrides.json"
    printf '%s\n' "$lock_sum" >"$stamp"
fi
[[ -z ${NOTEBOOK_SETUP_ONLY:-} ]] || exit 0
export PYTHONPATH="$root/exts/mimicgen.datagen${PYTHONPATH:+:$PYTHONPATH}"
exec "$venv/bin/jupyter" lab --ServerApp.ip="${JUPYTER_IP:-127.0.0.1}" --ServerApp.port="${JUPYTER_PORT:-8888}" \
    --ServerApp.root_dir="${JUPYTER_ROOT:-$root}" --LabApp.default_url="${JUPYTER_URL:-/lab/tree/notebook/generate_dataset.ipynb}" "$@"
