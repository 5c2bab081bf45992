"""The ledger of files: one row a file, counts that add up, written in the transaction that loads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Counts:
    """``read = loaded + quarantined + duplicate``, for rows and for observations alike."""

    read: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicate: int = 0

    def add(self, other: Counts) -> None:
        self.read += other.read
        self.loaded += other.loaded
        self.quarantined += other.quarantined
        self.duplicate += other.duplicate


@dataclass
class Entry:
    """One file as the ledger knows it."""

    sha256: str
    file_name: str
    bytes: int
    site: str | None
    source: str
    format: str
    encoding: str | None
    mapping: str | None
    started_at: str
    run_id: str | None = None
    status: str = "loaded"
    reason: str | None = None
    rows: Counts = field(default_factory=Counts)
    observations: Counts = field(default_factory=Counts)

    def columns(self) -> dict[str, object]:
        """As columns of ``ops.load``."""
        flat = {k: v for k, v in asdict(self).items() if k not in ("rows", "observations")}
        for name in ("rows", "observations"):
            flat |= {f"{name}_{k}": v for k, v in asdict(getattr(self, name)).items()}
        return flat

    @classmethod
    def of(cls, columns: dict[str, Any]) -> Entry:
        """An entry as the ledger has it."""
        told: dict[str, Any] = {f.name: columns[f.name] for f in fields(cls) if f.name in columns}
        for name in ("rows", "observations"):
            told[name] = Counts(**{f.name: columns[f"{name}_{f.name}"] for f in fields(Counts)})
        return cls(**told)


INSERT = """
insert into ops.load (sha256, file_name, bytes, site, source, format, encoding, mapping, status, reason, rows_read,
                      rows_loaded, rows_quarantined, rows_duplicate, observations_read, observations_loaded,
                      observations_quarantined, observations_duplicate, started_at, run_id)
select sha256, file_name, bytes, site, source, format, encoding, mapping, status, reason, rows_read,
       rows_loaded, rows_quarantined, rows_duplicate, observations_read, observations_loaded,
       observations_quarantined, observations_duplicate, started_at, run_id
from jsonb_populate_record(null::ops.load, $1::jsonb)
returning load_id
"""

UPDATE = """
update ops.load l set (file_name, site, source, format, run_id, encoding, mapping, status, reason,
    rows_read, rows_loaded, rows_quarantined, rows_duplicate,
    observations_read, observations_loaded, observations_quarantined, observations_duplicate, finished_at)
  = (select file_name, site, source, format, run_id, encoding, mapping, status, reason,
    rows_read, rows_loaded, rows_quarantined, rows_duplicate,
    observations_read, observations_loaded, observations_quarantined, observations_duplicate, clock_timestamp()
    from jsonb_populate_record(null::ops.load, $1::jsonb))
where l.sha256 = ($1::jsonb) ->> 'sha256'
"""

SELECT = "select load_id, to_jsonb(l)::text from ops.load l where sha256 = $1"
