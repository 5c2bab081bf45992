"""One record as it came, byte for byte, for a steward; every look is audited before it is granted."""

from __future__ import annotations

import json

import psycopg

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.ingest import mapping as mappings
from wellhouse.ingest.reopened import Run, Sealed
from wellhouse.landing.ledger import Entry
from wellhouse.settings import Settings


def find(connection: psycopg.Connection, load_id: int) -> Entry:
    """The ledger's row of a load.

    :raises WellhouseError: there is none
    """
    found = connection.execute("select to_jsonb(l)::text from ops.load l where load_id = %s", (load_id,)).fetchone()
    if found is None:
        raise WellhouseError(f"no load {load_id}")
    return Entry.of(json.loads(found[0]))


def show(
    of: Settings, load_id: int, row: int, purpose: str, refused: bool = False, username: str | None = None
) -> bytes:
    """The bytes of a record; row 0 is what stood before the first. ``refused``: only one that was refused.

    :param username: the reader who looks; None: whoever runs the command
    :raises WellhouseError: there is no such record, or its original is gone
    """
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        entry = find(connection, load_id)
        if not 0 <= row <= entry.rows.read:
            raise WellhouseError(f"load {load_id} has rows 1 to {entry.rows.read}")
        if (
            refused
            and not connection.execute(
                "select 1 from quarantine.record where load_id = %s and row_number = %s", (load_id, row)
            ).fetchone()
        ):
            raise WellhouseError(f"no refused record at row {row} of load {load_id}")
        persons = connection.execute(
            """select distinct person_key from landing.original
               where load_id = %s and %s between row_first and row_last and person_key is not null""",
            (load_id, row),
        ).fetchall()
        audit.record(
            of,
            audit.reader(username),
            action="read",
            path="quarantine" if refused else "record",
            purpose=purpose,
            persons=sorted(p for (p,) in persons),
            rows=1,
        )
        sealed = Sealed(connection, keyring, of.originals, load_id, entry)
        return _one(of, sealed, row, sealed.runs([row]))


def _one(of: Settings, sealed: Sealed, row: int, runs: list[Run]) -> bytes:
    """The one record out of what was sealed together."""
    if all(first == last for first, last, _ in runs):
        return b"".join(data for _, _, data in runs)
    entry = sealed.entry
    mapping = mappings.again(of.root, entry.source, entry.site, entry.mapping)
    with sealed.opened(mapping, [row]) as (source, numbers):
        done = 0
        for piece in source.pieces(set()):
            here = numbers[done : done + len(piece.starts)]
            done += len(piece.starts)
            for place in (here == row).nonzero()[0].tolist():
                stop = piece.starts[place + 1] if place + 1 < len(piece.starts) else len(piece.data)
                return piece.data[piece.starts[place] : stop]
    raise WellhouseError(f"no original of row {row} in load {sealed.load_id}")
