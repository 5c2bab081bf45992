"""The restore drill: every repository is restored to a known instant and compared, table by table, with an oracle."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from wellhouse import db, files
from wellhouse.errors import WellhouseError
from wellhouse.ops import pgbackrest, restore
from wellhouse.settings import Settings

QUIET_WITHIN_S = 300
ARCHIVED_WITHIN_S = 180

Fingerprint = dict[str, tuple[int, str]]
"""Table → its number of rows and a hash of them all."""


@dataclass(frozen=True)
class Oracle:
    """What every table held at an instant at which no transaction was under way."""

    at: dt.datetime
    tables: Fingerprint

    @property
    def rows(self) -> int:
        return sum(count for count, _ in self.tables.values())


@dataclass(frozen=True)
class Drill:
    """One repository, restored and compared."""

    repo: int
    target: str
    tables: int
    rows: int
    mismatched: list[str]
    seconds: float
    status: str
    reason: str | None


def run(settings: Settings) -> list[Drill]:
    """Take an oracle, restore each repository to its instant beside the running cluster, compare, clean up.

    :raises WellhouseError: another drill is under way
    """
    with alone(settings) as lock:
        return _run(settings, lock)


@contextmanager
def alone(settings: Settings) -> Iterator[int]:
    """Nobody else drills, and what a drill that was killed left is gone: a whole cluster, beyond any erasure.

    :raises WellhouseError: a drill is under way, or its server still runs
    """
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # whatever the umask: the server's user passes through
    with files.alone(folder / ".lock", "a restore drill is under way: one at a time") as lock:
        for left in folder.glob("repo*"):
            shutil.rmtree(left, ignore_errors=True)
        yield lock


def _folder(settings: Settings) -> Path:
    return settings.var / "drill"


def _run(settings: Settings, lock: int) -> list[Drill]:
    # a backup's end is known to the second, and only what ended before an instant can be restored to it
    newest = max((b.at for b in pgbackrest.backups(settings)), default=0)
    time.sleep(min(2.0, max(0.0, newest + 2 - time.time())))
    oracle = take(settings)
    wait_until_archived(settings)
    return [_one(settings, oracle, number, lock) for number in pgbackrest.REPOSITORIES]


def take(settings: Settings) -> Oracle:
    """An oracle: its instant has every transaction on one side or the other.

    The snapshot must have nothing under way, and no transaction may begin until the clock was read: both are asked of
    the server, and asked again until it is so. Nobody is locked out.

    :raises WellhouseError: the database was never quiet for a moment
    """
    deadline = time.monotonic() + QUIET_WITHIN_S
    with db.connect("wh_ops", settings) as snapshot, db.connect("wh_ops", settings, autocommit=True) as clock:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while time.monotonic() < deadline:
            before = snapshot.execute("select pg_snapshot_xmin(s), pg_snapshot_xmax(s) from pg_current_snapshot() s")
            lowest, highest = before.fetchone() or (None, None)
            row = clock.execute(
                "select clock_timestamp(), pg_snapshot_xmax(pg_current_snapshot())"
            ).fetchone()  # fmt: skip
            # who has written that it commits, and still waits for the disk, is in no snapshot but has its number locked
            busy = clock.execute("select exists (select from pg_locks where locktype = 'transactionid')").fetchone()
            after = clock.execute("select pg_snapshot_xmax(pg_current_snapshot())").fetchone()
            assert row is not None
            assert after is not None
            if busy == (False,) and lowest == highest == row[1] == after[0]:
                return Oracle(row[0], fingerprint(snapshot))
            snapshot.rollback()
            time.sleep(0.05)
    raise WellhouseError(f"the database was not quiet for a moment within {QUIET_WITHIN_S} s: try again later")


def fingerprint(connection: psycopg.Connection) -> Fingerprint:
    """Rows and hash of every table, as the warehouse itself counts them."""
    rows = connection.execute("select table_name, row_count, hash from ops.fingerprint()").fetchall()
    return {name: (count, digest) for name, count, digest in rows}


def wait_until_archived(settings: Settings) -> None:
    """All that was committed before this call is in both repositories.

    :raises WellhouseError: archiving does not keep up, or fails
    """
    with db.connect("wh_backup", settings, autocommit=True) as connection:
        # recovery stops at the first commit after its target: let there be one
        connection.execute("select pg_current_xact_id()")
        row = connection.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        deadline = time.monotonic() + ARCHIVED_WITHIN_S
        while time.monotonic() < deadline:
            done = connection.execute(
                "select last_archived_wal is not null and right(last_archived_wal, 16) >= right(%s, 16) "
                "from pg_stat_archiver", (row[0],)
            ).fetchone()  # fmt: skip
            if done == (True,):
                return
            time.sleep(0.2)
    raise WellhouseError(
        f"WAL does not reach the repositories within {ARCHIVED_WITHIN_S} s: see `wellhouse backup list`"
    )


def compare(oracle: Fingerprint, found: Fingerprint) -> list[str]:
    """The tables that are not what they were."""
    return sorted(name for name in oracle.keys() | found.keys() if oracle.get(name) != found.get(name))


def _one(settings: Settings, oracle: Oracle, number: int, lock: int) -> Drill:
    scratch = _folder(settings) / f"repo{number}"
    began = time.monotonic()
    mismatched: list[str] = []
    reason = None
    try:
        mismatched = restored_differs(settings, oracle, scratch, number, (lock,))
    except WellhouseError as error:
        reason = str(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    done = Drill(
        number, oracle.at.isoformat(), len(oracle.tables), oracle.rows, mismatched, round(time.monotonic() - began, 1),
        "failed" if mismatched or reason else "ok", reason,
    )  # fmt: skip
    _record(settings, done)
    return done


def restored_differs(
    settings: Settings, oracle: Oracle, scratch: Path, number: int, kept: tuple[int, ...] = ()
) -> list[str]:
    """The tables that differ after a restore of one repository into ``scratch``; it is left there, stopped."""
    shutil.rmtree(scratch, ignore_errors=True)
    restore.restore(settings, oracle.at.isoformat(), scratch, number, kept)
    with restore.running(settings, scratch, kept) as copy, db.connect("wh_ops", copy) as connection:
        return compare(oracle.tables, fingerprint(connection))


def _record(settings: Settings, done: Drill) -> None:
    with db.connect("wh_ops", settings) as connection:
        connection.execute(
            "insert into ops.drill (repo, target, tables, rows, mismatched, seconds, status, reason) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (done.repo, done.target, done.tables, done.rows, done.mismatched, done.seconds, done.status, done.reason),
        )
