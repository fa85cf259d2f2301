#!/usr/bin/env bash
# Healthy: JupyterLab answers; or a run has written something within the last ten minutes.
set -euo pipefail
if [[ ${MODE:-standalone} == jupyter ]]; then
    exec 3<>"/dev/tcp/127.0.0.1/${JUPYTER_PORT:-8888}"
    printf 'GET /api HTTP/1.0\r\n\r\n' >&3
    grep -q '"version"' <&3
else
    output=${MIMICGEN_DATAGEN_OUTPUT_DIR:-$PWD/output}
    [[ -n $(find "$output" -newermt '10 minutes ago' -type f -print -quit) ]]
fi
