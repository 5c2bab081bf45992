#!/bin/sh
# Prints the unit for this machine: infra/systemd/unit.sh USER | sudo tee /etc/systemd/system/wellhouse.service
# Places come from .env as everywhere; memory is four fifths of the machine's.
set -eu
cd "$(dirname "$0")/../.."
user=${1:?usage: infra/systemd/unit.sh USER, whom the services run as; not root}
[ "$user" != root ] || { echo "unit.sh: root runs no service: make a user, e.g. useradd --system wellhouse" >&2; exit 1; }
settings=$(.venv-pipeline/bin/python - <<'PYTHON'
import shlex
from wellhouse.ops import pgbackrest
from wellhouse.settings import settings
of = settings()
folders = [of.var, *(f for n in pgbackrest.REPOSITORIES if (f := pgbackrest.local(of, n)) and not f.is_relative_to(of.var))]
print(f"root={shlex.quote(str(of.root))} var={shlex.quote(str(of.var))} writable={shlex.quote(' '.join(map(str, folders)))}")
PYTHON
)
eval "$settings"
total=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
sed -e "s|@USER@|$user|g" -e "s|@ROOT@|$root|g" -e "s|@VAR@|$var|g" -e "s|@WRITABLE@|$writable|g" \
    -e "s|@MEMORY_HIGH@|$((total * 7 / 10))M|" -e "s|@MEMORY_MAX@|$((total * 8 / 10))M|" infra/systemd/wellhouse.service
