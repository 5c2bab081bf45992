"""pgBackRest for the private cluster: its configuration, its commands, and what its output means.

Two repositories, each encrypted under a key of its own (AES-256-CBC, by pgBackRest). Keys and passwords are in 0600
files that only the database server's user can read, never in arguments or the environment.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from wellhouse import db, files
from wellhouse.children import bound
from wellhouse.errors import WellhouseError
from wellhouse.ops import accounts
from wellhouse.settings import Settings

STANZA = "wellhouse"
ROLE = "wh_backup"
REPOSITORIES = (1, 2)
ARCHIVE_TIMEOUT_S = 30
"""A WAL segment leaves for the repositories at least this often: what may be lost is this, and the time to push it."""

LOCKED_AT_MOST_S = 90
_SEGMENT = re.compile(r"[0-9A-F]{24}-[0-9a-f]{40}")
_DAMAGE = re.compile(r"\bERROR:|\bWARN:|invalid checksum|(missing|invalid|other): [1-9]")


@dataclass(frozen=True)
class Backup:
    """One backup of the cluster in one repository."""

    repo: int
    type: str
    label: str
    at: int
    """When it ended, seconds since 1970."""
    seconds: int
    bytes: int
    """In the repository: compressed, and without what an earlier backup already holds."""


def program() -> str:
    """Where pgBackRest is.

    :raises WellhouseError: it is not installed
    """
    found = shutil.which("pgbackrest")
    if not found:
        raise WellhouseError(
            "no pgbackrest found: install the distribution's package, e.g. `apt-get install pgbackrest`"
        )
    return found


def folder(settings: Settings) -> Path:
    """The server's user owns it: configuration, spool, locks, logs."""
    return settings.var / "pgbackrest"


def configuration_file(settings: Settings) -> Path:
    return folder(settings) / "pgbackrest.conf"


def archive_command(settings: Settings) -> str:
    """What the server calls with each finished WAL segment."""
    config = shlex.quote(str(configuration_file(settings))).replace("%", "%%")
    return f'{program()} --config={config} --stanza={STANZA} archive-push "%p"'


def ensure(settings: Settings) -> None:
    """Folders and configuration, before the server starts."""
    owner = accounts.owner(accounts.os_user())
    for path in (folder(settings), *(folder(settings) / part for part in ("spool", "lock", "log"))):
        _own(path, owner)
    if not (settings.backup_repo1 and settings.backup_repo2):
        _own(settings.var / "backups", owner)
    for number in REPOSITORIES:
        if repository := local(settings, number):
            _own(repository, owner)
            accounts.check_reachable(repository, f"WELLHOUSE_BACKUP_REPO{number}")
    content = configuration(settings)
    file = configuration_file(settings)
    if not file.exists() or file.read_text() != content:
        files.replace(file, content.encode(), owner)
    files.replace(folder(settings) / "pgpass", _pgpass(settings).encode(), owner)


def configuration(settings: Settings) -> str:
    """``pgbackrest.conf``: it holds the repositories' keys."""
    lines = [
        "# Written by wellhouse.",
        "[global]",
        f"spool-path={folder(settings) / 'spool'}",
        f"lock-path={folder(settings) / 'lock'}",
        f"log-path={folder(settings) / 'log'}",
        "log-level-console=info",
        "log-level-file=detail",
        "archive-async=y",
        "process-max=2",
        "compress-type=zst",
        "compress-level=1",
        "start-fast=y",
    ]
    for number in REPOSITORIES:
        lines += _repository(settings, number)
    lines += [
        f"[{STANZA}]",
        f"pg1-path={settings.var / 'postgres'}",
        f"pg1-port={settings.postgres_port}",
        f"pg1-user={ROLE}",
        f"pg1-database={settings.database}",
    ]
    return "\n".join(lines) + "\n"


def place(settings: Settings, number: int) -> str:
    """Where a repository is: a folder, or ``s3://bucket/prefix``."""
    given = {1: settings.backup_repo1, 2: settings.backup_repo2}[number]
    return given or str(settings.var / "backups" / f"repo{number}")


def local(settings: Settings, number: int) -> Path | None:
    """A repository's folder; None when it is elsewhere."""
    where = place(settings, number)
    return None if where.startswith("s3://") else Path(where)


def elsewhere(settings: Settings) -> list[int]:
    """The repositories that outlive the data's disk: in S3, or in a folder of another file system."""
    device = settings.var.stat().st_dev
    folders = {number: local(settings, number) for number in REPOSITORIES}
    return [n for n, f in folders.items() if f is None or (f.exists() and f.stat().st_dev != device)]


def secret(settings: Settings, number: int) -> str:
    """A repository's key: what it seals opens with no other."""
    return settings.secret(f"backup_repo{number}")


def stanza_create(settings: Settings) -> None:
    """Every repository knows this cluster; one that does is left as it is. The server need not run: better before it
    does, because it waits for a minute when its first WAL finds no repository.

    :raises WellhouseError: a repository cannot be reached, or belongs to another cluster
    """
    deadline = time.monotonic() + LOCKED_AT_MOST_S
    while True:
        try:
            run(settings, "stanza-create", "--no-online")
            return
        except WellhouseError as error:
            # WAL is on its way at this moment, and only one of the two may work
            if "[050]" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def backups(settings: Settings) -> list[Backup]:
    """Every backup that the repositories say they hold, oldest first; a repository that cannot be read has none."""
    found: list[Backup] = []
    for number in REPOSITORIES:
        try:
            answer = run(settings, "info", f"--repo={number}", "--output=json", level="error")
        except WellhouseError:
            continue
        for stanza in json.loads(answer):
            found += [_backup(number, each) for each in stanza.get("backup", []) if not each.get("error")]
    return sorted(found, key=lambda b: (b.at, b.repo))


def verify(settings: Settings, number: int) -> list[str]:
    """What is wrong with a repository, one line each; nothing: every file in it was read, has its checksum, and no WAL
    segment is missing between two others.

    pgBackRest's exit code says nothing about damage and its text nothing about gaps in the WAL: the text is read, the
    segments are counted.
    """
    try:
        said = run(settings, "verify", f"--repo={number}", "--output=text", "--verbose")
        listed = json.loads(
            run(
                settings,
                "repo-ls",
                f"--repo={number}",
                "--recurse",
                "--output=json",
                path=f"archive/{STANZA}",
                level="error",
            )
        )
    except WellhouseError as error:
        return [str(error)]
    return problems(said) + gaps(name.rpartition("/")[2] for name in listed)


def problems(said: str) -> list[str]:
    """The lines of ``verify`` that speak of damage."""
    lines = [re.sub(r"^\S+ \S+ P\d+\s+", "", line).strip() for line in said.splitlines()]
    if "status: ok" not in lines and "status: error" not in lines:
        return ["verify gave no verdict"]
    found = [line.removeprefix("INFO: ") for line in lines if _DAMAGE.search(line)]
    if not found and "status: error" in lines:
        found = ["status: error"]
    return list(dict.fromkeys(found))


def damaged_pages(said: str) -> str:
    """The files of the cluster in which ``backup`` met pages with a wrong checksum; its exit code does not tell."""
    return ", ".join(dict.fromkeys(re.findall(r"invalid page checksums? found in file (\S+)", said)))


def gaps(names: Iterable[str]) -> list[str]:
    """The WAL segments that are missing between two others of their timeline."""
    segments = sorted({name[:24] for name in names if _SEGMENT.match(name)})
    found = []
    for one, following in pairwise(segments):
        if one[:8] == following[:8] and _number(following) != _number(one) + 1:
            found.append(f"WAL is missing between {one} and {following}")
    return found


def _number(segment: str) -> int:
    """Segments of 16 MiB: 256 to each of the middle eight digits."""
    return int(segment[8:16], 16) * 256 + int(segment[16:24], 16)


def run(settings: Settings, command: str, *options: str, path: str | None = None, level: str = "info") -> str:
    """One command of pgBackRest as the server's user; what it printed.

    :raises WellhouseError: it failed, with its own first error in one line
    """
    user = accounts.os_user()
    done = subprocess.run(
        bound([program(), f"--config={configuration_file(settings)}", f"--stanza={STANZA}", *options,
               f"--log-level-console={level}", command, *([path] if path else [])]),
        user=user, group=accounts.group(user), extra_groups=[] if user else None, cwd="/",
        env=_environment(settings), text=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR:" in line]
        reason = said[0].split("ERROR:", 1)[1].strip() if said else f"it ended with {done.returncode}"
        raise WellhouseError(f"pgbackrest {command} failed: {reason}")
    return done.stdout


def _repository(settings: Settings, number: int) -> list[str]:
    prefix = f"repo{number}"
    where = place(settings, number)
    lines = [
        f"{prefix}-cipher-type=aes-256-cbc",
        f"{prefix}-cipher-pass={secret(settings, number)}",
        f"{prefix}-retention-full-type=time",
        f"{prefix}-retention-full={settings.backup_keep_days}",
    ]
    if not where.startswith("s3://"):
        return [*lines, f"{prefix}-path={where}"]
    return [*lines, *(_s3(prefix, urlsplit(where)) or _written(settings, prefix, urlsplit(where)))]


def _written(settings: Settings, prefix: str, url: SplitResult) -> list[str]:
    """What the configuration says of the same place already, from when there were keys.

    :raises WellhouseError: it was never told
    """
    file = configuration_file(settings)
    options = tuple(f"{prefix}-{option}" for option in ("type=", "path=", "s3-", "storage-"))
    lines = [li for li in (file.read_text().splitlines() if file.exists() else []) if li.startswith(options)]
    if not {f"{prefix}-s3-bucket={url.netloc}", f"{prefix}-path=/{url.path.strip('/')}"} <= set(lines):
        raise WellhouseError(f"no keys for {url.geturl()}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return lines


def _s3(prefix: str, url: SplitResult) -> list[str]:
    """Keys, region and endpoint as every AWS tool finds them: variables or files; nothing: there are no keys."""
    from botocore.session import get_session  # only where a repository is in S3

    session = get_session()
    keys = session.get_credentials()
    if keys is None:
        return []
    region = session.get_config_variable("region") or "us-east-1"
    # only a client knows the endpoint of every variable and file that may name it
    scheme, endpoint, *_ = urlsplit(session.create_client("s3", region_name=region).meta.endpoint_url)
    if scheme != "https":
        raise WellhouseError(f"{url.geturl()}: backups leave over TLS only, AWS_ENDPOINT_URL is {scheme}://…")
    lines = [
        f"{prefix}-type=s3",
        f"{prefix}-path=/{url.path.strip('/')}",
        f"{prefix}-s3-bucket={url.netloc}",
        f"{prefix}-s3-endpoint={endpoint}",
        f"{prefix}-s3-region={region}",
        f"{prefix}-s3-uri-style={'host' if endpoint.endswith('amazonaws.com') else 'path'}",
        f"{prefix}-s3-key={keys.access_key}",
        f"{prefix}-s3-key-secret={keys.secret_key}",
    ]
    if authority := session.get_config_variable("ca_bundle"):
        lines.append(f"{prefix}-storage-ca-file={authority}")
    return lines


def _backup(number: int, row: dict[str, Any]) -> Backup:
    times = row["timestamp"]
    size = int(row["info"]["repository"]["delta"])
    return Backup(number, row["type"], row["label"], times["stop"], times["stop"] - times["start"], size)


def _environment(settings: Settings) -> dict[str, str]:
    """libpq's way to the server: TLS with host name verification; the password is in a 0600 file."""
    of = db.parameters(ROLE, settings, "postgres")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PGHOST": str(of["host"]),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(of["sslrootcert"]),
        "PGPASSFILE": str(folder(settings) / "pgpass"),
    }


def _pgpass(settings: Settings) -> str:
    return f"*:*:*:{ROLE}:{db.password(ROLE, settings)}\n"


def _own(path: Path, owner: tuple[int, int] | None) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner and path.stat().st_uid != owner[0]:
        os.chown(path, *owner)
