"""HL7 v2 files: ORU^R01 messages, one after the other, in batches or framed by MLLP; a row a result (OBX)."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from wellhouse.ingest import sniff
from wellhouse.ingest.formats import Piece
from wellhouse.ingest.formats.hl7v2_charset import codec_of
from wellhouse.ingest.formats.hl7v2_cut import Cut, cuts, has_message, head
from wellhouse.ingest.formats.hl7v2_fields import Marks
from wellhouse.ingest.formats.hl7v2_message import Message, Person, Reader, Refused
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.sniff import Unreadable

_BATCH_END = re.compile(rb"(?:^|(?<=[\r\n\x0b\x1c]))BTS[^\w\s](\d{0,9})")
_BATCH_START = re.compile(rb"(?:^|(?<=[\r\n\x0b\x1c]))BHS[^\w\s]")
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\x0b|(?:MSH|FHS|BHS)[^\w\s])")
_TRIALS = ("T", "D")


def looks_like(head_of_file: bytes) -> bool:
    """Whether a file that begins so is HL7 v2: a message, a batch or a start block."""
    return _BEGINNING.match(head_of_file) is not None


@contextmanager
def opened(path: Path, mapping: Mapping) -> Iterator[Messages]:
    """
    :raises Unreadable: empty, no HL7 v2, or a broken gzip stream
    """
    gzipped = sniff.is_gzip(path)
    with sniff.open_bytes(path, gzipped) as file:
        with sniff.complete(gzipped):
            first = sniff.read_up_to(file, sniff.SAMPLE_BYTES)
        stop = head(first)
        if not first.strip():
            raise Unreadable("empty_file", "HL7 v2 messages", rows=0)
        if stop < len(first) and not has_message(first):
            raise Unreadable("no_msh", "messages that start with an MSH segment")
        try:
            reader = Reader(mapping)
        except ValueError as error:
            raise Unreadable("mapping_without_paths", f"a mapping to HL7 v2 fields: {error}", rows=1) from None
        names = tuple(_named(role, mapping) for role in reader.roles)
        places = {role: place for place, role in enumerate(reader.roles)}
        found = Header(names, places, tuple(mapping.lacks(places)))
        yield Messages(found, first[:stop], first[stop:], file, gzipped, reader)


def _named(role: str, mapping: Mapping) -> str:
    """How a message about a field calls it: the role and the fields it is looked for in."""
    paths = mapping.columns.get(role, ())
    return f"{role} ({', '.join(dict.fromkeys(p.split('[')[0].split('.')[0] for p in paths))})" if paths else role


def _charset(declared: str) -> str:
    """What MSH-18 says, unless it is none: in a message without line ends anything may stand there, a name too."""
    return declared if codec_of(declared) else "no known character set"


@dataclass
class _Told:
    """What a reader should know of the file as a whole."""

    lies: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(MSH-18, what the bytes are)"""
    trials: int = 0
    messages: int = 0
    batches: int = 0
    ends: int = 0
    announced: int = 0

    def look(self, data: bytes) -> None:
        """Count batch headers and trailers."""
        if b"BHS" in data:
            self.batches += len(_BATCH_START.findall(data))
        for number in _BATCH_END.findall(data) if b"BTS" in data else ():
            self.ends += 1
            self.announced += int(number or 0)

    def notes(self) -> tuple[str, ...]:
        said = [
            f"note: MSH-18 says {_charset(declared)}, the bytes are {encoding}: {count} messages read as {encoding}"
            for (declared, encoding), count in self.lies.items()
        ]
        if self.trials:
            said.append(f"note: MSH-11 marks {self.trials} messages as training or debugging")
        if self.batches > self.ends:
            said.append("note: a batch without its trailer (BTS): the file may be cut short")
        if self.announced and self.announced != self.messages:
            said.append(f"note: batch trailers (BTS-1) announce {self.announced} messages, here are {self.messages}")
        return tuple(said)


@dataclass(frozen=True)
class Messages:
    """``rest``: bytes from the first record on that were read already."""

    header: Header
    head: bytes
    rest: bytes
    file: IO[bytes]
    gzipped: bool
    reader: Reader

    @property
    def encoding(self) -> str | None:
        """Of the first message that can be read."""
        for message in _messages(next(cuts(io.BytesIO(), self.rest[: 64 << 10]), None), self.reader):
            if isinstance(message[1], Message):
                return message[1].encoding
        return None

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        told = _Told()
        told.look(self.head)
        waiting: Piece | None = None
        coming = cuts(self.file, self.rest)
        while True:
            with sniff.complete(self.gzipped):
                cut = next(coming, None)
            if cut is None:
                break
            if waiting is not None:
                yield waiting
            told.look(cut.data)
            if wanted:
                waiting = _Rows(self.reader, told).piece(cut)
            else:
                waiting = Piece(cut.data, np.array(cut.starts, np.int64), pa.table({}), np.empty(0, np.int64), [])
        if waiting is not None:
            yield replace(waiting, notes=told.notes())


def _messages(cut: Cut | None, reader: Reader) -> Iterator[tuple[range, Message | Refused]]:
    """(its records, what became of it) of each message."""
    if cut is None:
        return
    edges = [i for i, start in enumerate(cut.starts) if start == cut.message[i]]
    for first, stop in zip(edges, [*edges[1:], len(cut.starts)], strict=True):
        end = cut.starts[stop] if stop < len(cut.starts) else len(cut.data)
        try:
            if first in cut.torn:
                raise Refused("truncated_message", "a whole message: send it again")
            yield range(first, stop), reader.read(cut.data[cut.starts[first] : end], stop - first)
        except Refused as refused:
            yield range(first, stop), refused


class _Rows:
    """The rows of one cut, gathered: what a person or an order says is written once and repeated by index."""

    def __init__(self, reader: Reader, told: _Told) -> None:
        self._reader, self._told = reader, told
        self._persons: list[list[str]] = []
        self._orders: list[list[str]] = []
        self._results: list[tuple[str, ...]] = []
        self._person_of: list[int] = []
        self._order_of: list[int] = []
        self._good: list[int] = []
        self._bad: list[tuple[int, str, str]] = []
        self._refused: list[tuple[int, str, str, str]] = []

    def piece(self, cut: Cut) -> Piece:
        for records, message in _messages(cut, self._reader):
            self._told.messages += 1
            if isinstance(message, Refused):
                self._bad += [(record, message.reason, message.expected) for record in records]
                continue
            if message.lie:
                self._told.lies[message.declared, message.encoding] += 1
            self._told.trials += message.processing in _TRIALS
            for record, person in zip(records, message.persons, strict=True):
                self._take(record, person, message.marks)
        return Piece(
            cut.data, np.array(cut.starts, np.int64), self._table(), np.array(self._good, np.int64), self._bad,
            refused=self._refused, record_is_row=False,
        )  # fmt: skip

    def _take(self, record: int, person: Person, marks: Marks) -> None:
        if not any(order.results for order in person.orders):
            self._bad.append((record, "no_results", "at least one OBX segment"))
            return
        self._persons.append(self._reader.cells(person, marks))
        for order, cells in zip(person.orders, self._reader.order_cells(person, marks), strict=True):
            self._orders.append(cells)
            first, count = len(self._results), len(order.results)
            self._refused += [(first + row, role, reason, expected) for row, role, reason, expected in order.refused]
            self._results += order.results
            self._good += [record] * count
            self._person_of += [len(self._persons) - 1] * count
            self._order_of += [len(self._orders) - 1] * count

    def _table(self) -> pa.Table:
        columns = [
            *_repeated(self._persons, self._person_of),
            *_repeated(self._orders, self._order_of),
            *(pa.array(column, pa.string()) for column in zip(*self._results, strict=True)),
        ]
        if not columns:
            columns = [pa.array([], pa.string()) for _ in self._reader.roles]
        return pa.table(columns, names=[str(place) for place in range(len(columns))])


def _repeated(rows: list[list[str]], index: list[int]) -> list[pa.Array]:
    take = pa.array(index, pa.int64())
    return [pa.array(column, pa.string()).take(take) for column in zip(*rows, strict=True)]
