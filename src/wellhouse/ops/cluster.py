"""The private PostgreSQL cluster under ``var/postgres``: made once, TLS only, SCRAM only, never run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from wellhouse import files
from wellhouse.errors import WellhouseError
from wellhouse.ops import accounts, certificates, pgbackrest
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
archive_mode = on
archive_timeout = {archive_timeout}
archive_command = '{archive_command}'
"""

PGAUDIT = """\
# Who touched identified tables, by the server itself; statements with bound values show none of them.
shared_preload_libraries = 'pgaudit'
log_line_prefix = '%m [%p] %q%u@%d '
pgaudit.log = 'ddl, role'
pgaudit.role = 'wh_pgaudit'
pgaudit.log_catalog = off
pgaudit.log_rows = on
"""

HBA = """\
# TLS and SCRAM for everyone; nothing else is let in.
hostssl all all 127.0.0.1/32 scram-sha-256
hostssl all all ::1/128 scram-sha-256
"""


INSTALLED = Path("/usr/lib/postgresql")


def binaries(folder: Path | None = None) -> Path:
    """The newest PostgreSQL server the distribution has installed.

    :param folder: a cluster's; one that is there already has its own version's
    :raises WellhouseError: there is none
    """
    versions = {int(p.parent.parent.name): p.parent for p in INSTALLED.glob("*/bin/postgres")}
    made = folder / "PG_VERSION" if folder else None
    if versions and made and made.exists():
        number = int(made.read_text())
        if number not in versions:
            raise WellhouseError(f"{folder} is a cluster of PostgreSQL {number}, which is not installed")
        return versions[number]
    if versions:
        return versions[max(versions)]
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    raise WellhouseError("no PostgreSQL server found: install one, e.g. `apt-get install postgresql`")


def has_pgaudit(folder: Path | None = None) -> bool:
    """Whether the distribution's pgaudit belongs to this server (``postgresql-NN-pgaudit``); as :func:`binaries`."""
    server = binaries(folder).parent
    return any((server / place / "pgaudit.so").exists() for place in ("lib", "lib/postgresql"))


def data(settings: Settings) -> Path:
    return settings.var / "postgres"


def ensure(settings: Settings) -> None:
    """Make the cluster if there is none, and bring its configuration and certificate up to date."""
    folder = data(settings)
    user = accounts.os_user()
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o755)
    certificates.ensure(settings.tls, settings.mllp_host)
    folder.mkdir(exist_ok=True, mode=0o700)
    if owner := accounts.owner(user):
        os.chown(folder, *owner)
    accounts.check_reachable(folder, "WELLHOUSE_VAR")
    if not (folder / "PG_VERSION").exists():
        _make(folder, user, settings.secret(f"postgres_{SUPERUSER}"))
    pgbackrest.ensure(settings)
    configure(settings, folder)


def _make(folder: Path, user: str | None, password: str) -> None:
    """A new cluster, under its name complete or not at all: half of one would count as one for ever.

    :raises WellhouseError: something is in the folder, and it is no cluster
    """
    if any(folder.iterdir()):
        raise WellhouseError(f"{folder} is not empty and no cluster: move what is in it away")
    if folder.is_mount():  # a file system of its own, which nothing can be renamed to
        return _initdb(folder, user, password)
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if owner := accounts.owner(user):
        os.chown(draft, *owner)
    _initdb(draft, user, password)
    draft.rename(folder)


def configure(settings: Settings, folder: Path) -> None:
    """Bring the configuration and the certificate of a cluster's folder up to date."""
    user = accounts.os_user()
    configuration = CONF.format(
        port=settings.postgres_port,
        timezone=settings.timezone,
        archive_timeout=pgbackrest.ARCHIVE_TIMEOUT_S,
        archive_command=pgbackrest.archive_command(settings).replace("'", "''"),
    )
    _put(folder / "postgresql.conf", configuration + (PGAUDIT if has_pgaudit(folder) else ""), user)
    _put(folder / "pg_hba.conf", HBA, user)
    _put(folder / "server.crt", (settings.tls / "postgres.crt").read_text(), user)
    _put(folder / "server.key", (settings.tls / "postgres.key").read_text(), user)


def build_memory_mb() -> int:
    """What a sort of a build may hold before it goes to disk: a 64th of the machine's, since several run at once."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return min(max(total // 64, 32), 1024)


def command(settings: Settings) -> list[str]:
    """What the supervisor runs, in the foreground."""
    return [str(binaries(data(settings)) / "postgres"), "-D", str(data(settings))]


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Run the server as a child of this process (tests and tools; the supervisor does it for an installation)."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    with (settings.logs / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            command(settings),
            stdout=log,
            stderr=log,
            user=accounts.os_user(),
            group=accounts.group(accounts.os_user()),
            extra_groups=[] if accounts.os_user() else None,
            start_new_session=True,
            cwd="/",
        )


def _initdb(folder: Path, user: str | None, password: str) -> None:
    # the password goes through a pipe that only `user` may open: no copy on disk or in the process list
    reader, writer = os.pipe()
    if owner := accounts.owner(user):
        os.fchown(reader, *owner)
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
                "--lc-collate=C",  # the same order as C.UTF-8, compared as bytes: sorting takes a fifth of the time
                "--data-checksums",
            ],
            user=user,
            group=accounts.group(user),
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


def _put(path: Path, text: str, user: str | None) -> None:
    if not path.exists() or path.read_text() != text:
        files.replace(path, text.encode(), accounts.owner(user))
