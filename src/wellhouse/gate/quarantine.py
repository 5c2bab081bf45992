"""What was refused and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from wellhouse import db
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
    """Every refusal of one load that stands, or those of all loads grouped by field and reason."""
    statement = (
        """select r.load_id, l.file_name, r.row_number, r.field, r.reason, r.expected, r.count
           from quarantine.record r join ops.load l using (load_id)
           where r.load_id = %(load)s and r.released_at is null
           order by r.row_number nulls first, r.field"""
        if load_id
        else """select r.load_id, l.file_name, null::int, r.field, r.reason, min(r.expected), sum(r.count)::bigint
           from quarantine.record r join ops.load l using (load_id) where r.released_at is null
           group by r.load_id, l.file_name, r.field, r.reason order by r.load_id, 7 desc"""
    )
    with db.connect("wh_ingest", of) as connection:
        return [Refusal(*row) for row in connection.execute(statement, {"load": load_id})]
