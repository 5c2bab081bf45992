#!/bin/sh
# The bill of materials of each environment, from the lock: what runs, nothing of what only tests.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo var/uv/bin/uv)
to=${1:-var/sbom}
mkdir -p "$to"
for group in pipeline superset; do
    "$uv" export --quiet --frozen --preview-features sbom-export --format cyclonedx1.5 --no-emit-project \
        --group "$group" --output-file "$to/$group.json" >/dev/null
done
