"""How long originals, refusals and recordings are kept: by ``infra/retention.yaml``, for ever without days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from wellhouse import audit, db
from wellhouse.crypto.recordings import Store
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

WHAT = ("originals", "quarantine", "recordings")


@dataclass(frozen=True)
class Expired:
    """How much is gone for good. The ledger's counts stay."""

    originals: int
    refusals: int
    files: int
    recordings: int


def rules(of: Settings) -> dict[str, int | None]:
    """What is kept how many days; None: for ever.

    :raises WellhouseError: the file cannot be read, or a rule is none
    """
    try:
        found = yaml.safe_load(of.retention.read_text(encoding="utf-8"))["rules"]
        days = {str(rule["what"]): rule["days"] for rule in found}
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        raise WellhouseError(f"{of.retention} is no file of retention rules: what, days") from None
    for what, kept in days.items():
        if what not in WHAT or not (kept is None or (type(kept) is int and kept > 0)):
            raise WellhouseError(f"{of.retention}: {what}: expected one of {', '.join(WHAT)} and days above 0, or null")
    return {what: days.get(what) for what in WHAT}


def expire(of: Settings) -> Expired:
    """Delete what is older than its days. The original of what waits in quarantine is kept as long as that."""
    kept = rules(of)
    with db.connect("wh_ingest", of) as connection:
        refusals = _refusals(connection, kept["quarantine"])
        originals, sums = _originals(connection, kept["originals"])
        audio = _recordings(connection, kept["recordings"])
        gone = originals + refusals + len(audio)
        audit.record(of, audit.operator(), action="expire", path="record", purpose="retention", rows=gone)
        connection.commit()
        files = sum(_unlinked(of.originals / f"{sha256}.sealed") for sha256 in sums)
        named = {name for (name,) in connection.execute("select object from landing.call_recording")}
    recordings = Store(of).delete(audio) + _left_over(Store(of), named)
    return Expired(originals, refusals, files, recordings)


def _refusals(connection: psycopg.Connection, days: int | None) -> int:
    if days is None:
        return 0
    return connection.execute(
        "delete from quarantine.record r using ops.load l where l.load_id = r.load_id and l.finished_at < "
        "now() - make_interval(days => %s)",
        (days,),
    ).rowcount


def _originals(connection: psycopg.Connection, days: int | None) -> tuple[int, list[str]]:
    """How many, and the sums of the files that may be kept whole beside them."""
    if days is None:
        return 0, []
    old = connection.execute(
        """select load_id, sha256 from ops.load l where finished_at < now() - make_interval(days => %s)
           and not exists (select from quarantine.record r where r.load_id = l.load_id and r.released_at is null)""",
        (days,),
    ).fetchall()
    loads = [load_id for load_id, _ in old]
    done = connection.execute("delete from landing.original where load_id = any(%s)", (loads,))
    return done.rowcount, [sha256 for _, sha256 in old]


def _recordings(connection: psycopg.Connection, days: int | None) -> list[str]:
    """The names of the audio whose rows and keys went."""
    if days is None:
        return []
    gone = connection.execute(
        "delete from landing.call_recording where recorded_on < current_date - %s returning object", (days,)
    ).fetchall()
    names = sorted({name for (name,) in gone})
    connection.execute("delete from vault.audio_key where object = any(%s)", (names,))
    return names


def _left_over(store: Store, named: set[str]) -> int:
    """Audio that a load wrote and was killed before any row named it; a day later nobody is going to."""
    return store.delete([name for name in store.names(older_than=dt.timedelta(days=1)) if name not in named])


def _unlinked(path: Path) -> bool:
    there = path.exists()
    path.unlink(missing_ok=True)
    return there
