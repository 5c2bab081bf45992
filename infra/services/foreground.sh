#!/bin/sh
# For containers: start everything, stay in the foreground with the logs, stop everything when told to.
set -eu
cd "$(dirname "$0")/../.."
logs=
trap '[ -z "$logs" ] || kill "$logs" || true; make down; exit 0' TERM INT
make up
.venv-pipeline/bin/wellhouse ops logs &
logs=$!
wait "$logs"
