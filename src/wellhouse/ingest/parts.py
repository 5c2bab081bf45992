"""What of a file is one source's: how its rows are read, and which of its records may be there already."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.ingest import exam, people, questionnaire, tabular
from wellhouse.ingest.batch import Batch, Flags, Ints, Layout
from wellhouse.ingest.dictionary import Dictionary
from wellhouse.ingest.header import Header
from wellhouse.ingest.people import Persons
from wellhouse.ingest.rejects import Rejects
from wellhouse.ingest.seam import Seam
from wellhouse.landing.families import FAMILIES, Family
from wellhouse.landing.ledger import Counts

_RUNS = 16
_FULL = 1 << 18
"""Keys."""


class Part:
    """Most files have one; a FHIR file may hold results, answers, plans and persons side by side.

    ``by_detail``: a row is one detail of a record, so that a record is there as long as any detail of it is;
    ``aliases``: other keys that records may be landed under, as batches tell them.
    """

    def __init__(self, layout: Layout, dictionary: Dictionary, more: tabular.More | None = None) -> None:
        self.layout, self._more = layout, more
        self.source = layout.mapping.source
        self.plan = exam.plan(layout, dictionary) if self.source == "exam" else None
        self.by_detail = self.source == "questionnaire" or (self.plan is not None and self.plan.long)
        self._suspects: list[Ints] = []
        self.aliases: set[tuple[int, int]] = set()
        self._seen = _Seen()
        self._seam = Seam()

    @property
    def family(self) -> Family | None:
        """Persons alone are no records of anything."""
        return FAMILIES.get(self.source)

    @property
    def suspects(self) -> Ints:
        """Keys of records that stand in the file more than once."""
        return np.unique(np.concatenate(self._suspects)) if self._suspects else np.empty(0, np.int64)

    def used(self) -> set[int]:
        """The columns that are looked at."""
        mapping, headers = self.layout.mapping, self.layout.headers
        named = {a.column for a in mapping.answers} | {mapping.date_offset_days}
        for outcome in mapping.outcomes:
            named |= {outcome.days, outcome.months, outcome.observed, *outcome.when}
        used = set(self.layout.places.values()) | {headers.index(n) for n in named if n in headers}
        for column in self.plan.columns if self.plan else ():
            used |= {*column.places} | ({column.otherwise} if column.otherwise is not None else set())
        return used

    def unusable(self, found: Header) -> tuple[str, str, str] | None:
        """(reason, field, expected) when nothing under this header can be read."""
        if found.missing:
            role = found.missing[0]
            spellings = self.layout.mapping.columns.get(role, (role,))
            return "missing_column", role, f"a column {' or '.join(spellings[:4])}"
        twice = found.duplicates(self.used())
        if twice:
            return "duplicate_header", twice[0], "each column name once"
        if self.plan and not self.plan.long and not any(i.indicator for i in self.plan.items):
            return "missing_column", "indicator", "at least one column that is an indicator of the dictionary"
        return None

    def owners(self, table: pa.Table, rows: Ints, vault: Persons) -> Batch:
        """Only whom the rows are about; that somebody cannot be told is no refusal of its own."""
        batch = Batch(self.layout, table, rows, Rejects())
        people.identify(batch, vault)
        return batch

    def read(
        self, table: pa.Table, rows: Ints, rejects: Rejects, vault: Persons,
        refused: Iterable[tuple[int, str, str, str]] = (),
    ) -> Batch:  # fmt: skip
        """The rows of a piece, read.

        :param rows: the number of the record each is from
        :param refused: (row of the table, role, reason, expected) of those that cannot be read
        """
        batch = Batch(self.layout, table, rows, rejects)
        for row, role, reason, expected in refused:
            batch.reject(row, role, reason, expected)
        _repeated_headers(batch)
        if len(batch.rows):
            people.identify(batch, vault)
            if self.plan is not None:
                exam.read(batch, self.plan)
            elif self.source == "questionnaire":
                questionnaire.read(batch)
            elif self.source == "person":
                people.emit_persons(batch)
            else:
                tabular.read(batch, self._more)
        self._remember(batch)
        return batch

    def observations(self, batch: Batch, bad: int) -> Counts:
        """How many results a batch has.

        :param bad: rows of its piece that are none
        """
        counts = batch.observations
        if self.plan is not None and self.plan.long:
            # a row is a result: one that was refused for its person or date was read as a result, too
            elsewhere = int((~batch.alive).sum()) - counts.quarantined + bad
            counts.read += elsewhere
            counts.quarantined += elsewhere
        return counts

    def _remember(self, batch: Batch) -> None:
        keys = batch.keys
        if self.by_detail and self.family is not None:
            keys = self._seam.join(batch.tables, self.family, keys)
        self.aliases |= batch.aliases
        self._suspects += [*batch.suspects, self._seen.again(keys)]


class _Seen:
    """The record keys of the pieces before, in sorted runs: 8 bytes a record, and no more for a moment."""

    def __init__(self) -> None:
        self._full: list[Ints] = []
        self._new: list[Ints] = []

    def again(self, keys: Ints) -> Ints:
        """Those of ``keys`` (distinct, ascending) that were in an earlier piece; all are remembered."""
        found = [keys[_among(keys, run)] for run in (*self._full, *self._new)]
        self._new.append(keys)
        if len(self._new) > _RUNS:
            run = np.concatenate(self._new)
            run.sort()  # in place; that some stand twice does no harm
            done = len(run) >= _FULL
            self._full += [run] * done
            self._new = [] if done else [run]
        return np.concatenate(found) if found else keys[:0]


def _among(keys: Ints, known: Ints) -> Flags:
    """Which of ``keys`` are in ``known``, which is sorted and may be much longer."""
    if not len(known):
        return np.zeros(len(keys), bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys)


def _repeated_headers(batch: Batch) -> None:
    """A header line in mid-file, as page breaks leave them."""
    same: pa.Array | None = None
    for name in batch.table.column_names:
        equal = pc.equal(batch.at(int(name)), batch.layout.headers[int(name)])
        same = equal if same is None else pc.and_(same, equal)
        if not pc.any(same).as_py():
            return
    for row in np.flatnonzero(np.array(same, bool)).tolist() if same is not None else ():
        batch.reject(row, None, "repeated_header", "a record, not the header again")
