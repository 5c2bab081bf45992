"""The private PostgreSQL cluster under ``var/postgres``: made once, TLS only, SCRAM only, never run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from wellhouse import files
from wellhouse.errors import WellhouseError
from wellhouse.ops import certificates
from wellhouse.settings import Settings

SUPERUSER = "postgres"

CONF = """\
# Written by wellhouse; the cluster is private to this installation.
listen_addresses = 'localhost'
port = {port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
max_connections = 120
shared_buffers = '512MB'
effective_cache_size = '2GB'
maintenance_work_mem = '256MB'
work_mem = '32MB'
max_wal_size = '4GB'
wal_compression = 'lz4'
random_page_cost = 1.1
jit = off
timezone = '{timezone}'
log_timezone = '{timezone}'
log_statement = 'none'
log_min_error_statement = 'panic'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = 'terse'
restart_after_crash = on
"""

HBA = """\
# TLS and SCRAM for everyone; nothing else is let in.
hostssl all all 127.0.0.1/32 scram-sha-256
hostssl all all ::1/128 scram-sha-256
"""


def binaries() -> Path:
    """The newest PostgreSQL server the distribution has installed."""
    versions = sorted(
        (p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")), key=lambda p: int(p.parent.name)
    )
    if versions:
        return versions[-1]
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    raise WellhouseError("no PostgreSQL server found: install one, e.g. `apt-get install postgresql`")


def os_user() -> str | None:
    """Whom the server runs as: None for ourselves, the distribution's ``postgres`` when we are root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise WellhouseError(
            "as root, an unprivileged user `postgres` is needed: install the distribution's postgresql package"
        ) from None
    return "postgres"


def data(settings: Settings) -> Path:
    return settings.var / "postgres"


def ensure(settings: Settings) -> None:
    """Make the cluster if there is none, and bring its configuration and certificate up to date."""
    folder = data(settings)
    user = os_user()
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o755)
    certificates.ensure(settings.tls, settings.mllp_host)
    folder.mkdir(exist_ok=True, mode=0o700)
    if owner := _owner(user):
        os.chown(folder, *owner)
    _check_reachable(folder, user)
    if not (folder / "PG_VERSION").exists():
        _initdb(folder, user, settings.secret(f"postgres_{SUPERUSER}"))
    _put(folder / "postgresql.conf", CONF.format(port=settings.postgres_port, timezone=settings.timezone), user)
    _put(folder / "pg_hba.conf", HBA, user)
    _put(folder / "server.crt", (settings.tls / "postgres.crt").read_text(), user)
    _put(folder / "server.key", (settings.tls / "postgres.key").read_text(), user)


def command(settings: Settings) -> list[str]:
    """What the supervisor runs, in the foreground."""
    return [str(binaries() / "postgres"), "-D", str(data(settings))]


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Run the server as a child of this process (tests and tools; the supervisor does it for an installation)."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            command(settings),
            stdout=log,
            stderr=log,
            user=os_user(),
            group=_group(os_user()),
            extra_groups=[] if os_user() else None,
            start_new_session=True,
            cwd="/",
        )


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def _initdb(folder: Path, user: str | None, password: str) -> None:
    # the password goes through a pipe that only `user` may open: no copy on disk or in the process list
    reader, writer = os.pipe()
    if user:
        os.fchown(reader, pwd.getpwnam(user).pw_uid, -1)
    os.write(writer, password.encode() + b"\n")
    os.close(writer)
    try:
        done = subprocess.run(
            [
                str(binaries() / "initdb"),
                "-D",
                str(folder),
                "-U",
                SUPERUSER,
                "-A",
                "scram-sha-256",
                f"--pwfile=/dev/fd/{reader}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
            ],
            user=user,
            group=_group(user),
            extra_groups=[] if user else None,
            cwd="/",
            pass_fds=[reader],
            text=True,
            capture_output=True,
        )
    finally:
        os.close(reader)
    if done.returncode:
        raise WellhouseError(f"initdb failed: {' '.join(done.stderr.strip().splitlines()[-1:])}")


def _owner(user: str | None) -> tuple[int, int] | None:
    if user is None:
        return None
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _put(path: Path, text: str, user: str | None) -> None:
    if not path.exists() or path.read_text() != text:
        files.replace(path, text.encode(), _owner(user))


def _check_reachable(folder: Path, user: str | None) -> None:
    if user is None:
        return
    entry = pwd.getpwnam(user)
    done = subprocess.run(["test", "-w", str(folder)], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/")
    if done.returncode:
        raise WellhouseError(
            f"the user `{user}` cannot reach {folder}: give its parent folders o+x, "
            "or set WELLHOUSE_VAR to a folder it can reach"
        )
