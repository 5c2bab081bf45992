"""One block on its way from text to tables: its columns by role, its rows, what is still alive of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wellhouse.crypto.vault import Person
from wellhouse.ingest.dates import EPOCH, parse_date
from wellhouse.ingest.known import Known
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.rejects import Rejects
from wellhouse.landing.ledger import Counts
from wellhouse.landing.tables import SCHEMAS

T = TypeVar("T")
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_PARTS = frozenset({"item_code", "item", "value", "unit", "status", "question", "wording", "defined", "answer"})
"""Roles in which the rows of one record differ."""
_SEVERAL = ("exam", "questionnaire")
"""Sources whose record may be several rows."""


@dataclass(frozen=True)
class Layout:
    """A mapping met a header: ``places`` is role → column, ``headers`` the header texts as written."""

    mapping: Mapping
    headers: tuple[str, ...]
    places: dict[str, int]
    site: str
    load_id: int
    blind_key: bytes
    known: Known = field(default_factory=Known, repr=False)
    told_in_parts: bool = False
    """Messages tell one exam over several days."""

    def header(self, role: str) -> str:
        """How the file calls this role."""
        return self.headers[self.places[role]] if role in self.places else role


@dataclass
class Batch:
    """The records of one block that are records. Arrays have one entry a record.

    ``owner`` indexes ``persons``, -1 is nobody; a record that is rejected as a whole is no longer ``alive``.
    """

    layout: Layout
    table: pa.Table
    rows: Ints
    rejects: Rejects
    owner: npt.NDArray[np.int32] = field(init=False)
    first_keys: Ints = field(init=False)
    """The person key of each record's identifiers before any merge: what a record without a number is keyed by."""
    alive: Flags = field(init=False)
    persons: list[Person] = field(default_factory=list)
    sexes: list[str | None] = field(default_factory=list)
    births: list[int] = field(default_factory=list)
    """yyyymmdd, 0: unknown"""
    tables: dict[str, pa.Table] = field(default_factory=dict)
    observations: Counts = field(default_factory=Counts)
    suspects: list[Ints] = field(default_factory=list)
    """Record keys that may be duplicates because they stand in this block twice."""
    aliases: set[tuple[int, int]] = field(default_factory=set)
    """(record key, what it would be under another identifier of the same person), of persons who were merged."""
    keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Distinct record keys of this block, ascending."""

    def __post_init__(self) -> None:
        self.owner = np.full(len(self.rows), -1, np.int32)
        self.first_keys = np.zeros(len(self.rows), np.int64)
        self.alive = np.ones(len(self.rows), bool)

    def column(self, role: str) -> pa.Array | None:
        """The texts of a role: its column, or its constant on every row, or None."""
        if role in self.layout.places:
            return self.at(self.layout.places[role])
        if role in self.layout.mapping.constants:
            return pa.repeat(self.layout.mapping.constants[role], len(self.rows))
        return None

    def at(self, place: int) -> pa.Array:
        column = self.table.column(str(place))
        return column.chunk(0) if column.num_chunks else pa.array([], pa.string())

    def named(self, header: str) -> pa.Array:
        """By header text, for columns a mapping names itself."""
        return self.at(self.layout.headers.index(header))

    def formats(self, role: str) -> tuple[str, ...]:
        """What the mapping says of how this role's dates are written."""
        return self.layout.mapping.date_formats.get(role, ())

    @cached_property
    def runs(self) -> tuple[Ints, Ints]:
        """(first row, run of each row) of neighbours that say the same of person and record: read once."""
        layout, size = self.layout, len(self.rows)
        every = np.arange(size)
        if layout.mapping.source not in _SEVERAL or _PARTS.isdisjoint(layout.places) or not size:
            return every, every
        places = {place for role, place in layout.places.items() if role not in _PARTS}
        if layout.mapping.date_offset_days in layout.headers:
            places.add(layout.headers.index(layout.mapping.date_offset_days))
        begins = np.zeros(size, bool)
        begins[0] = True
        for place in places:
            column = self.at(place)
            begins[1:] |= np.array(pc.not_equal(column[1:], column[:-1]), bool)
        return np.flatnonzero(begins), np.cumsum(begins) - 1

    def each(self, column: pa.Array, function: Callable[[str], T]) -> tuple[list[T], Ints]:
        """``function`` of each distinct text of a column that is the same throughout a run; per run which it is."""
        return each(self.heads(column), function)

    def days(self, role: str) -> Ints:
        """Per row the days since 1970, NO_DATE where the text is blank, BAD_DATE where it is no date."""
        column = self.column(role)
        if column is None:
            return np.full(len(self.rows), NO_DATE, np.int64)
        return days(self.heads(column), *self.formats(role))[self.runs[1]]

    def heads(self, column: pa.Array) -> pa.Array:
        """The cells of each run's first row."""
        first, _ = self.runs
        return column if len(first) == len(column) else column.take(pa.array(first))

    def reject(self, index: int, role: str | None, reason: str, expected: str) -> None:
        """This record as a whole, once: the first reason stands."""
        if self.alive[index]:
            self.alive[index] = False
            column = None if role is None else self.layout.header(role)
            self.rejects.add(int(self.rows[index]), column, reason, expected)

    def person_keys(self) -> Ints:
        """Per record; 0 for nobody."""
        return np.array([p.person_key for p in self.persons] + [0], np.int64)[self.owner]

    def emit(self, name: str, columns: dict[str, pa.Array]) -> None:
        """Rows for a table; ``load_id`` and ``site`` are filled in."""
        schema = SCHEMAS[name]
        size = len(columns["row_number"])
        columns["load_id"] = pa.array(np.full(size, self.layout.load_id, np.int64))
        columns["site"] = pa.repeat(self.layout.site, size)
        arrays = [
            pc.cast(columns[f.name], f.type) if columns[f.name].type != f.type else columns[f.name] for f in schema
        ]
        made = pa.table(arrays, schema=schema)
        self.tables[name] = pa.concat_tables([self.tables[name], made]) if name in self.tables else made


NO_DATE, BAD_DATE = -(10**9), -(10**9) - 1


def days(column: pa.Array, *formats: str) -> Ints:
    """Per row the days since 1970, NO_DATE where the text is blank, BAD_DATE where it is no date."""

    def day(text: str) -> int:
        if not text.strip():
            return NO_DATE
        date = parse_date(text, formats)
        return BAD_DATE if date is None else (date - EPOCH).days

    found, index = each(column, day)
    return np.array(found, np.int64)[index] if found else np.empty(0, np.int64)


def strings(column: pa.Array) -> list[str]:
    """The texts; by way of numpy in an eighth of the time that ``to_pylist`` takes."""
    return list(column.to_numpy(zero_copy_only=False).tolist())


def each(column: pa.Array, function: Callable[[str], T]) -> tuple[list[T], Ints]:
    """``function`` of each distinct text, and per row which of them it is."""
    encoded = column.dictionary_encode()
    return [function(text) for text in strings(encoded.dictionary)], encoded.indices.to_numpy().astype(np.int64)


def codes(column: pa.Array) -> Ints:
    """Per row a number, the same for equal texts."""
    return column.dictionary_encode().indices.to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def groups(*codes: Ints) -> tuple[Ints, Ints]:
    """(first row, group of each row) of the distinct combinations, numbered in order of appearance."""
    count, group = _numbered(codes[0])
    for code in codes[1:]:
        # small numbers at every step: a product of many columns would wrap round and join what differs
        size, small = _numbered(code)
        count, group = _numbered(group * size + small)
    return firsts(group, count), group


def _numbered(values: Ints) -> tuple[int, Ints]:
    """(how many distinct values, per place its number in order of appearance)."""
    encoded = pa.array(values).dictionary_encode()
    return len(encoded.dictionary), encoded.indices.to_numpy().astype(np.int64)


def firsts(group: Ints, size: int) -> Ints:
    """Where each of the numbers 0 to size - 1 stands first; -1: nowhere."""
    first = np.full(size, -1, np.int64)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    return first


def dates(values: Ints, missing: Flags | None = None) -> pa.Array:
    """date32 of days since 1970."""
    return pa.array(np.where(values <= NO_DATE, 0, values).astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def texts(column: pa.Array | None, size: int) -> pa.Array:
    """The texts without surrounding blanks; null where blank or where there is no column."""
    if column is None:
        return pa.nulls(size, pa.string())
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
