"""How long originals and refusals are kept: for ever, unless a setting says how many days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from wellhouse import audit, db
from wellhouse.crypto.recordings import Store
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Expired:
    """How much is gone for good. The ledger's counts stay."""

    originals: int
    refusals: int
    files: int
    recordings: int


def expire(of: Settings) -> Expired:
    """Delete what is older than its days. The original of what waits in quarantine is kept as long as that."""
    with db.connect("wh_ingest", of) as connection:
        refusals = originals = files = 0
        if of.keep_quarantine_days is not None:
            refusals = connection.execute(
                "delete from quarantine.record r using ops.load l where l.load_id = r.load_id and l.finished_at < "
                "now() - make_interval(days => %s)",
                (of.keep_quarantine_days,),
            ).rowcount
        if of.keep_originals_days is not None:
            old = [
                (int(load_id), str(sha256))
                for load_id, sha256 in connection.execute(
                    """select load_id, sha256 from ops.load l where finished_at < now() - make_interval(days => %s)
                       and not exists (select from quarantine.record r
                                       where r.load_id = l.load_id and r.released_at is null)""",
                    (of.keep_originals_days,),
                )
            ]
            originals = connection.execute(
                "delete from landing.original where load_id = any(%s)", ([load_id for load_id, _ in old],)
            ).rowcount
            files = sum(_unlinked(of.originals / f"{sha256}.sealed") for _, sha256 in old)
        gone = originals + refusals
        audit.record(of, audit.operator(), action="expire", path="record", purpose="retention", rows=gone)
        connection.commit()
        named = {name for (name,) in connection.execute("select object from landing.call_recording")}
    return Expired(originals, refusals, files, _left_over(Store(of), named))


def _left_over(store: Store, named: set[str]) -> int:
    """Audio that a load wrote and was killed before any row named it; a day later nobody is going to."""
    return store.delete([name for name in store.names(older_than=dt.timedelta(days=1)) if name not in named])


def _unlinked(path: Path) -> bool:
    there = path.exists()
    path.unlink(missing_ok=True)
    return there
