"""Back everything up into both repositories, say what there is, and read it all again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import psycopg

from wellhouse import db, files
from wellhouse.errors import WellhouseError
from wellhouse.ops import copies, drill, pgbackrest
from wellhouse.settings import Settings

DATABASE = "database"
KINDS = (DATABASE, copies.KEYSTORE, copies.FILES)
FULL_EVERY_S = 7 * 86400
_ABANDONED_S = 3600
"""The monitor copies the keystore, too, whenever it changes: what was written of late may be its."""
TYPES = ("auto", "full", "diff", "incr")


@dataclass(frozen=True)
class Row:
    """One backup, or one attempt; ``verified``: None until its repository was read again after it."""

    kind: str
    repo: int
    type: str
    label: str
    at: int
    seconds: float
    bytes: int
    verified: bool | None
    reason: str | None = None


def run(settings: Settings, kind: str = "auto") -> list[Row]:
    """Database, keystore and files into each repository; one that fails does not hold up the other.

    :param kind: full, diff, incr; auto: a full one a week, a differential one in between
    :raises WellhouseError: the type is unknown, or another backup is under way
    """
    if kind not in TYPES:
        raise WellhouseError(f"--type {kind}: expected one of {', '.join(TYPES)}")
    folder = settings.var / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # two at once would write the same copies
    with files.alone(folder / "backup.lock", "a backup is under way: one at a time"):
        return _run(settings, kind)


def _run(settings: Settings, kind: str) -> list[Row]:
    if not settings.database_url:
        with suppress(WellhouseError), drill.alone(settings):
            pass  # nothing of a drill that was killed outlasts a night
    rows = []
    for number in pgbackrest.REPOSITORIES:
        if not settings.database_url:
            rows.append(_database(settings, number, kind))
        rows.append(_attempt(settings, copies.KEYSTORE, number, "full", partial(_keystore, settings, number)))
        rows.append(_attempt(settings, copies.FILES, number, "incr", partial(_files, settings, number)))
    return rows


def listed(settings: Settings) -> list[Row]:
    """Everything that could be restored, oldest first."""
    verified = _verified(settings)

    def row(kind: str, repo: int, form: str, label: str, at: int, seconds: float, size: int) -> Row:
        last = verified.get((kind, repo))
        return Row(kind, repo, form, label, at, seconds, size, None if last is None or last[0] < at else last[1])

    found = []
    if not settings.database_url:
        found = [row(DATABASE, b.repo, b.type, b.label, b.at, b.seconds, b.bytes) for b in pgbackrest.backups(settings)]
    for number in pgbackrest.REPOSITORIES:
        with suppress(OSError, WellhouseError):
            for copy in copies.Copies(settings, number, copies.KEYSTORE).listed():
                found.append(row(copies.KEYSTORE, number, "full", copy.name, copy.at, 0, copy.bytes))
            files = copies.Copies(settings, number, copies.FILES).listed()
            if files:
                size = sum(f.bytes for f in files)
                found.append(
                    row(copies.FILES, number, "incr", f"{len(files)} files", max(f.at for f in files), 0, size)
                )
    return sorted(found, key=lambda r: (r.at, r.kind, r.repo))


def verify(settings: Settings) -> list[Row]:
    """Read every byte of both repositories again."""
    checks: dict[str, Callable[[Settings, int], list[str]]] = {
        copies.KEYSTORE: copies.verify_keystore,
        copies.FILES: copies.verify_files,
    }
    if not settings.database_url:
        checks = {DATABASE: pgbackrest.verify} | checks
    return [
        _read(settings, kind, number, check) for number in pgbackrest.REPOSITORIES for kind, check in checks.items()
    ]


def _database(settings: Settings, number: int, kind: str) -> Row:
    if kind == "auto":
        full = [b.at for b in pgbackrest.backups(settings) if b.repo == number and b.type == "full"]
        kind = "diff" if full and max(full) > time.time() - FULL_EVERY_S else "full"

    def back_up() -> tuple[str, int]:
        # warnings come on standard output, where they are read
        command = "backup", f"--repo={number}", f"--type={kind}", "--log-level-stderr=off"
        try:
            said = pgbackrest.run(settings, *command)
        except WellhouseError:
            # a repository that was lost and is empty again does not know the cluster
            pgbackrest.ensure(settings)
            pgbackrest.stanza_create(settings)
            said = pgbackrest.run(settings, *command)
        if damaged := pgbackrest.damaged_pages(said):
            raise WellhouseError(
                f"the cluster is damaged, restore it from an earlier backup: pages with a wrong checksum in {damaged}"
            )
        newest = [b for b in pgbackrest.backups(settings) if b.repo == number][-1]
        return newest.label, newest.bytes

    return _attempt(settings, DATABASE, number, kind, back_up)


def _keystore(settings: Settings, number: int) -> tuple[str, int]:
    copies.Copies(settings, number, copies.KEYSTORE).clear(_ABANDONED_S)
    copy = copies.copy_keystore(settings, number)
    return (copy.name, copy.bytes) if copy else ("no keystore yet", 0)


def _files(settings: Settings, number: int) -> tuple[str, int]:
    copies.Copies(settings, number, copies.FILES).clear(0)
    done = copies.copy_files(settings, number)
    return f"{done.copied} copied, {done.removed} removed", done.bytes


def _attempt(settings: Settings, kind: str, number: int, form: str, work: Callable[[], tuple[str, int]]) -> Row:
    began = time.monotonic()
    label, size, reason = "", 0, None
    try:
        label, size = work()
    except (WellhouseError, OSError) as error:
        reason = str(error)
    row = Row(kind, number, form, label, int(time.time()), round(time.monotonic() - began, 1), size, None, reason)
    _record(settings, row, "backup")
    return row


def _read(settings: Settings, kind: str, number: int, check: Callable[[Settings, int], list[str]]) -> Row:
    began = time.monotonic()
    try:
        problems = check(settings, number)
    except (OSError, WellhouseError) as error:
        problems = [str(error)]
    seconds = round(time.monotonic() - began, 1)
    row = Row(kind, number, "verify", "", int(time.time()), seconds, 0, not problems, "; ".join(problems) or None)
    _record(settings, row, "verify")
    return row


def _record(settings: Settings, row: Row, action: str) -> None:
    """For `make status`, metrics and alerts; a database that is down does not hinder its own backup's report."""
    with suppress(psycopg.OperationalError), db.connect("wh_ops", settings, connect_timeout=5) as connection:
        connection.execute(
            "insert into ops.backup (kind, repo, action, label, bytes, seconds, status, reason) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                row.kind,
                row.repo,
                action,
                row.label,
                row.bytes,
                row.seconds,
                "failed" if row.reason else "ok",
                row.reason,
            ),
        )


def _verified(settings: Settings) -> dict[tuple[str, int], tuple[int, bool]]:
    """(kind, repository) → when it was last read, and whether it was whole."""
    return {(kind, repo): (at, ok) for kind, repo, at, ok in _last_verified(settings)}


def _last_verified(settings: Settings) -> Iterator[tuple[str, int, int, bool]]:
    with suppress(psycopg.OperationalError), db.connect("wh_ops", settings, connect_timeout=5) as connection:
        yield from connection.execute(
            "select distinct on (kind, repo) kind, repo, extract(epoch from at)::bigint, status = 'ok' "
            "from ops.backup where action = 'verify' order by kind, repo, at desc"
        ).fetchall()
