"""What was refused, read again under the mapping as it is now: what is good lands, what is not stays quarantined.

A load is read again as a whole from its sealed originals, in one transaction that takes its landed rows out and puts
them in again: so every count is made by the code that made it the first time, and a load is never read under two
mappings (decision 0013). Refused for the same reasons once more, nothing changes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from wellhouse import audit
from wellhouse.errors import WellhouseError
from wellhouse.ingest import formats
from wellhouse.ingest import mapping as mappings
from wellhouse.ingest.batch import Ints
from wellhouse.ingest.file import Ingest, Reading
from wellhouse.ingest.formats import Piece, Source
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.record import find
from wellhouse.ingest.rejects import Summary
from wellhouse.ingest.reopened import Sealed
from wellhouse.ingest.sniff import Unreadable
from wellhouse.landing import releases
from wellhouse.landing.ledger import Counts, Entry
from wellhouse.landing.load import Coming, Load


@dataclass(frozen=True)
class Released:
    """``released``: records and results of which a refusal was lifted; ``lines`` say what is still refused."""

    load_id: int
    entry: Entry
    released: int
    lines: list[str]

    def document(self) -> dict[str, Any]:
        """As JSON keys."""
        entry = self.entry
        return {
            "load_id": self.load_id, "released": self.released, "mapping": entry.mapping, "status": entry.status,
            **asdict(entry.rows), "observations": asdict(entry.observations),
        }  # fmt: skip


def release(ingest: Ingest, load_id: int, mapping: Mapping | None = None) -> Released:
    """Read a load again.

    :param mapping: None: the one that reads such files now
    :raises WellhouseError: no such load, its originals are gone, or the mapping would refuse what is loaded
    """
    entry = find(ingest.connection, load_id)
    ingest.connection.commit()
    if not entry.rows.quarantined and not entry.observations.quarantined:
        return Released(load_id, entry, 0, [])
    return _read_again(ingest, load_id, entry, mapping, always=False)


def reread(ingest: Ingest, load_id: int) -> Released:
    """Read a load again though nothing of it was refused: the persons that its identifiers name have changed.

    Its originals are sealed anew, under the keys of those they are about now; they stay as they are where somebody of
    the load was erased, since there is no file left to cut.
    """
    entry = find(ingest.connection, load_id)
    ingest.connection.commit()
    return _read_again(ingest, load_id, entry, None, always=True)


def _read_again(ingest: Ingest, load_id: int, entry: Entry, mapping: Mapping | None, always: bool) -> Released:
    mapping = mapping or mappings.again(ingest.settings.root, entry.source, entry.site, entry.mapping)
    mapping = formats.adapted(entry.format, mapping)
    if mapping.source != entry.source:
        raise WellhouseError(f"load {load_id} holds {entry.source} records, the mapping reads {mapping.source}")
    sealed = Sealed(ingest.connection, ingest.keyring, ingest.settings.originals, load_id, entry)
    after = replace(entry, status="loaded", reason=None, mapping=mapping.label, rows=Counts(), observations=Counts())
    summary = Summary()
    try:
        with sealed.whole() as path:
            if path:
                with formats.open_source(path, entry.format, mapping) as source:
                    released = _Again(ingest, mapping, after, summary).into(entry, source, always)
            else:
                with sealed.opened(mapping) as (source, numbers):
                    anew = entry.status == "quarantined" or (always and len(numbers) == entry.rows.read)
                    once_more = _Again if anew else partial(_Reread, numbers=numbers)
                    released = once_more(ingest, mapping, after, summary).into(entry, source, always)
    except Unreadable as error:
        line = f"{entry.file_name}: {error.reason}, expected {error.expected}; the load is as it was"
        return Released(load_id, entry, 0, [line])
    who, purpose = audit.operator(), f"load {load_id}"
    audit.record(ingest.settings, who, action="release", path="quarantine", purpose=purpose, rows=released)
    ingest.connection.commit()
    return Released(load_id, after if released else entry, released, summary.lines(entry.file_name))


class _Again(Reading):
    """A file of which nothing is missing: its originals are sealed anew, under the keys of those it is about."""

    def __init__(self, ingest: Ingest, mapping: Mapping, entry: Entry, summary: Summary) -> None:
        # the audio of a refused recording waits in the inbox
        path = ingest.settings.inbox / str(entry.site) / entry.source / entry.file_name
        super().__init__(ingest, path, mapping, str(entry.site), entry, summary)
        self._kept = True

    def into(self, before: Entry, source: Source, always: bool) -> int:
        """Refusals lifted; 0: nothing was changed."""
        try:
            return self._into(before, source, always)
        finally:
            if self.shelf is not None:
                self.shelf.clear()

    def _into(self, before: Entry, source: Source, always: bool) -> int:
        with Load(self._ingest.settings) as load:
            load.reopen(before.sha256)
            releases.take_out(load)
            self._clear(load)
            self._entry.encoding = source.encoding
            self._read(load, source)
            load.drain()
            self._resolve(load)
            self._erased(before)
            # of parted persons all is read again, whatever is refused now
            if not always and before.status == "loaded" and self._entry.rows.quarantined > before.rows.quarantined:
                raise WellhouseError(
                    f"{before.file_name}: {before.rows.quarantined} records are quarantined, with this mapping "
                    f"{self._entry.rows.quarantined} would be: nothing was changed"
                )
            released = releases.lift(load, self._mapping.label)
            if released or always:
                load.finish(self._entry)
            elif self.shelf is not None:
                self.shelf.kept.clear()
        return released

    def _clear(self, load: Load) -> None:
        load.execute("delete from landing.original where load_id = $1", load.load_id)

    def _erased(self, before: Entry) -> None:
        """All of the file was there to be read."""

    def _refuse(self, load: Load, unusable: tuple[str, str, str]) -> None:
        reason, field, expected = unusable
        raise Unreadable(reason, expected, field)


class _Reread(_Again):
    """A load that is read from its records; they stay sealed as they are. ``numbers``: the row number of each."""

    def __init__(self, ingest: Ingest, mapping: Mapping, entry: Entry, summary: Summary, numbers: Ints) -> None:
        super().__init__(ingest, mapping, entry, summary)
        self._given = numbers

    def _clear(self, load: Load) -> None:
        """They stay."""

    def _put(self, load: Load, tables: dict[str, Coming]) -> None:
        super()._put(load, {name: table for name, table in tables.items() if name != "original"})

    def _numbers(self, piece: Piece) -> Ints:
        return self._given[self._rows - len(piece.starts) : self._rows]

    def _erased(self, before: Entry) -> None:
        """Records of persons who were erased since cannot be read again: they stay counted as loaded."""
        gone = before.rows.read - self._entry.rows.read
        self._entry.rows.read += gone
        self._entry.rows.loaded += gone
