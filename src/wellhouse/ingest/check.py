"""What of a file would be rejected under a mapping, and why, before anything is loaded: the database is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wellhouse.crypto.vault import Claim, Identifier, Person
from wellhouse.ingest import dictionary, formats, pairs
from wellhouse.ingest.batch import Layout
from wellhouse.ingest.formats import Piece, Source
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.parts import Part
from wellhouse.ingest.rejects import Rejects
from wellhouse.ingest.sniff import Unreadable
from wellhouse.landing.ledger import Counts

_EXAMPLES = 5


@dataclass
class Reason:
    """Why something would be rejected; ``rows``: the first records it befalls, 1 for the first of the file."""

    reason: str
    field: str | None
    expected: str
    rows: list[int]
    count: int = 0


@dataclass
class Checked:
    """What loading a file would do; what is there already would be found only then."""

    format: str
    mapping: str
    encoding: str | None = None
    rows: Counts = field(default_factory=Counts)
    observations: Counts = field(default_factory=Counts)
    reasons: dict[tuple[str, str | None], Reason] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, Any]:
        """Most frequent reason first."""
        told = sorted(self.reasons.values(), key=lambda r: -r.count)
        return {
            "format": self.format, "encoding": self.encoding, "mapping": self.mapping, "rows": asdict(self.rows),
            "observations": asdict(self.observations), "reasons": [asdict(r) for r in told], "notes": list(self.notes),
        }  # fmt: skip

    def add(self, rejects: Rejects) -> None:
        columns = zip(rejects.rows, rejects.fields, rejects.reasons, rejects.expected, rejects.counts, strict=True)
        for row, column, reason, expected, count in columns:
            told = self.reasons.setdefault((reason, column), Reason(reason, column, expected, []))
            told.count += count
            if row is not None and row not in told.rows[-1:] and len(told.rows) < _EXAMPLES:
                told.rows.append(row)


class Strangers:
    """Stands where the vault does: persons are told apart within this file, and nothing of them is kept."""

    def __init__(self) -> None:
        self._known: dict[Identifier, int] = {}
        self._last = 0

    def resolve(self, claims: Sequence[Claim], site: str) -> list[Person | None]:
        answers: list[Person | None] = []
        for claim in claims:
            found = {self._known[i] for i in claim.identifiers if i in self._known}
            if len(found) > 1:
                answers.append(None)
                continue
            if not found:
                self._last += 1
            key = found.pop() if found else self._last
            self._known |= dict.fromkeys(claim.identifiers, key)
            answers.append(Person(key, "", b""))
        return answers


def check(root: Path, path: Path, mapping: Mapping, site: str, form: str = "auto") -> Checked:
    """Read a file as loading it would, into nothing."""
    form = formats.detect(path) if form == "auto" else form
    checked = Checked(form, mapping.label)
    mapping = formats.adapted(form, mapping)
    try:
        with formats.open_source(path, form, mapping) as source:
            checked.encoding = source.encoding
            _Reading(root, mapping, site, checked).run(source)
    except Unreadable as error:
        rejects = Rejects()
        rejects.add(None, error.field, error.reason, error.expected, error.rows)
        checked.rows = Counts(read=error.rows, quarantined=error.rows)
        checked.observations = Counts()
        checked.reasons = {}
        checked.add(rejects)
    return checked


class _Reading:
    """A file being read into nothing."""

    def __init__(self, root: Path, mapping: Mapping, site: str, checked: Checked) -> None:
        self._root, self._mapping, self._site, self._checked = root, mapping, site, checked
        self._strangers = Strangers()
        self._parts: dict[str, Part] = {}

    def run(self, source: Source) -> None:
        part = self._part(self._mapping, source.header)
        unusable = part.unusable(source.header)
        rows = self._checked.rows
        for piece in source.pieces(set() if unusable else part.used()):
            self._checked.notes += piece.notes
            first = rows.read + 1
            rows.read += len(piece.starts)
            if not unusable:
                self._take(part, piece, first)
        if unusable:
            reason, column, expected = unusable
            rejects = Rejects()
            rejects.add(None, column, reason, expected, rows.read)
            rows.quarantined = rows.read
            self._checked.add(rejects)
        elif not rows.read:
            raise Unreadable("no_records", "records after the header", rows=0)

    def _part(self, mapping: Mapping, found: Header) -> Part:
        if mapping.source not in self._parts:
            layout = Layout(mapping, found.names, found.places, self._site, 0, b"")
            self._parts[mapping.source] = Part(layout, dictionary.load(self._root))
        return self._parts[mapping.source]

    def _take(self, part: Part, piece: Piece, first: int) -> None:
        rejects = Rejects()
        for index, reason, expected in piece.bad:
            rejects.add(first + index, None, reason, expected)
        if part.plan is not None and part.plan.long:
            piece = pairs.spread(piece, part.layout, part.plan.dictionary)
        batches = [(piece.good, part.read(piece.table, first + piece.good, rejects, self._strangers, piece.refused))]
        for other in piece.also:
            mapping = formats.also(self._root, other.source, self._mapping, self._site)
            theirs = self._part(mapping, other.header)
            batches.append((other.good, theirs.read(other.table, first + other.good, rejects, self._strangers)))
        alive = len(np.unique(np.concatenate([good[batch.alive] for good, batch in batches]))) + len(piece.told)
        self._checked.rows.loaded += alive
        self._checked.rows.quarantined += len(piece.starts) - alive
        for _, batch in batches:
            own = self._parts[batch.layout.mapping.source]
            bad = len(piece.bad) if piece.record_is_row else 0
            self._checked.observations.add(own.observations(batch, bad))
        self._checked.add(rejects)
