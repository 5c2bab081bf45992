"""What was refused and why; a refused record as it came, for a steward, audited."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.landing import originals
from wellhouse.settings import Settings


@dataclass(frozen=True)
class Refusal:
    """``count`` records of a load refused for one reason; ``row`` null: the file, or many rows of it."""

    load_id: int
    file: str
    row: int | None
    field: str | None
    reason: str
    expected: str
    count: int

    def document(self) -> dict[str, object]:
        """As JSON keys."""
        return asdict(self)


def refusals(of: Settings, load_id: int | None = None) -> list[Refusal]:
    """Every refused record of one load, or of all loads grouped by field and reason."""
    statement = (
        """select r.load_id, l.file_name, r.row_number, r.field, r.reason, r.expected, r.count
           from quarantine.record r join ops.load l using (load_id) where r.load_id = %(load)s
           order by r.row_number nulls first, r.field"""
        if load_id
        else """select r.load_id, l.file_name, null::int, r.field, r.reason, min(r.expected), sum(r.count)::bigint
           from quarantine.record r join ops.load l using (load_id)
           group by r.load_id, l.file_name, r.field, r.reason order by r.load_id, 7 desc"""
    )
    with db.connect("wh_ingest", of) as connection:
        return [Refusal(*row) for row in connection.execute(statement, {"load": load_id})]


def show(of: Settings, load_id: int, row: int, purpose: str) -> bytes:
    """The bytes around a refused record, as they came: it and what was sealed with it.

    :raises WellhouseError: there is no such refused record
    """
    with db.connect("wh_ingest", of) as connection, Keyring.open(of) as keyring:
        found = connection.execute(
            "select person_key from quarantine.record where load_id = %s and row_number = %s", (load_id, row)
        ).fetchall()
        if not found:
            raise WellhouseError(f"no refused record at row {row} of load {load_id}")
        audit.record(
            connection,
            action="read",
            path="quarantine",
            purpose=purpose,
            persons=sorted({p for (p,) in found if p is not None}),
            rows=len(found),
        )
        connection.commit()
        return b"".join(data for _, _, data in originals.read(connection, keyring, load_id, (row, row)))
