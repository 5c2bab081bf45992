"""JSON: an array of objects or an object a line (JSON lines), plain or gzipped, in UTF-8.

A record is an object. Members are columns; those of an object inside are called ``outer.inner``; a list of objects
inside, such as the answers of a questionnaire, makes a row of each. Numbers are read as they are written.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import pyarrow as pa

from wellhouse.ingest import header, sniff
from wellhouse.ingest.blocks import BLOCK_BYTES, MAX_LINE_BYTES
from wellhouse.ingest.formats import Piece
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.records import NUL
from wellhouse.ingest.sniff import Unreadable

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]]', re.DOTALL)
_MEMBER = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)
_DECODER = msgspec.json.Decoder(float_hook=str)
_SPACE = b" \t\r\n"
_MAX_COLUMNS = 10_000
_BAD = ("bad_json", "a JSON object")
_TWICE = ("duplicate_member", "each member of an object once")
_NESTED = ("nested_value", "texts, numbers, objects of these, and at most one list of such objects")
Row = dict[str, str]


@contextmanager
def opened(path: Path, mapping: Mapping) -> Iterator[Objects]:
    """
    :raises Unreadable: not UTF-8, no objects, or a broken gzip stream
    """
    text = sniff.text(path)
    if text.encoding != "utf-8":
        raise Unreadable("wrong_encoding", "JSON in UTF-8 (RFC 8259)")
    head, lines = _beginning(text)
    names = _names(path, text.gzipped, len(head), lines)
    with sniff.open_bytes(path, text.gzipped) as file:
        sniff.read_up_to(file, len(head))
        yield Objects(header.under(names, mapping), head, file, lines, text.gzipped)


def _beginning(text: sniff.Text) -> tuple[bytes, bool]:
    """(bytes before the first object, whether every line is an object)."""
    body = text.head.lstrip()
    before = text.bom + text.head[: len(text.head) - len(body)].encode()
    if body.startswith("["):
        return before + b"[", False
    first = body.split("\n", 1)[0]
    return before, _object(first.encode()) is not None


def _names(path: Path, gzipped: bool, skip: int, lines: bool) -> list[str]:
    """Every member that any object has: the file is read once for its names, so that none is missed."""
    names: dict[str, None] = {}
    with sniff.open_bytes(path, gzipped) as file:
        sniff.read_up_to(file, skip)
        for data, starts in _cut(file, lines, gzipped):
            for record in _records(data, starts):
                for row in _rows(_object(record)) or ():
                    names.update(dict.fromkeys(row))
            if len(names) > _MAX_COLUMNS:
                raise Unreadable("bad_json", f"objects with fewer than {_MAX_COLUMNS:,} different members")
    if not names:
        raise Unreadable("bad_json", "an array of objects, or an object a line")
    return list(names)


@dataclass(frozen=True)
class Objects:
    """``lines``: every line is an object; else they stand in one array, or are one object."""

    header: Header
    head: bytes
    file: IO[bytes]
    lines: bool
    gzipped: bool
    encoding: str = "utf-8"

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        for data, starts in _cut(self.file, self.lines, self.gzipped):
            yield self._piece(data, starts, sorted(wanted))

    def _piece(self, data: bytes, starts: list[int], wanted: list[int]) -> Piece:
        rows: list[Row] = []
        good: list[int] = []
        bad: list[tuple[int, str, str]] = []
        for i, record in enumerate(_records(data, starts) if wanted else ()):
            found = _object(record)
            made = _rows(found)
            if found is None:
                bad.append((i, *_BAD))
            elif _count(found) != len(list(filter(None, _MEMBER.findall(record)))):
                bad.append((i, *_TWICE))
            elif made is None:
                bad.append((i, *_NESTED))
            elif any("\x00" in text for row in made for text in row.values()):
                bad.append((i, *NUL))
            else:
                rows += made
                good += [i] * len(made)
        names = self.header.names
        table = pa.table({str(p): pa.array([row.get(names[p], "") for row in rows], pa.string()) for p in wanted})
        return Piece(data, np.array(starts, np.int64), table, np.array(good, np.int64), bad)


def _cut(file: IO[bytes], lines: bool, gzipped: bool) -> Iterator[tuple[bytes, list[int]]]:
    """(bytes, starts of the records in them); what follows an object up to the next one belongs to it.

    :raises Unreadable: an object that does not end, or a broken gzip stream
    """
    rest, final = b"", False
    while not final:
        try:
            part = file.read(BLOCK_BYTES)
        except (EOFError, zlib.error, OSError) as error:
            if gzipped:
                raise Unreadable("truncated_gzip", "a complete gzip file") from error
            raise
        final = not part
        data = rest + part
        ends = _lines(data) if lines else _objects(data)
        stop = ends[-1] if ends else 0
        if final and data[stop:].strip(_SPACE + b"],"):
            ends.append(len(data))
        elif final and ends:
            ends[-1] = len(data)
        rest = data[ends[-1] :] if ends else data
        if len(rest) > MAX_LINE_BYTES:
            raise Unreadable("record_too_long", f"objects of at most {MAX_LINE_BYTES >> 20} MiB")
        if ends:
            yield data[: ends[-1]], [0, *ends[:-1]]
        elif final and data:
            yield data, []  # the end of the array


def _lines(data: bytes) -> list[int]:
    """Where each line that is not blank ends."""
    ends = (np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1).tolist()
    kept: list[int] = []
    begin = 0
    for end in ends:
        if kept and not data[begin:end].strip(_SPACE):
            kept[-1] = end
        elif data[begin:end].strip(_SPACE):
            kept.append(end)
        begin = end
    return kept


def _objects(data: bytes) -> list[int]:
    """Where each object ends, its comma included."""
    ends: list[int] = []
    depth = 0
    for token in _TOKEN.finditer(data):
        kind = data[token.start()]
        if kind in b"{[":
            depth += 1
        elif kind in b"}]":
            depth -= 1
            if depth <= 0 and kind == b"}"[0]:
                ends.append(token.end())
            depth = max(depth, 0)
        elif not token[1]:
            break  # a text that goes on in the next block
    return [_after_comma(data, end) for end in ends]


def _after_comma(data: bytes, end: int) -> int:
    stop = end
    while stop < len(data) and data[stop] in _SPACE:
        stop += 1
    return stop + 1 if data[stop : stop + 1] == b"," else end


def _records(data: bytes, starts: list[int]) -> Iterator[bytes]:
    for begin, end in zip(starts, [*starts[1:], len(data)][: len(starts)], strict=True):
        yield data[begin:end].strip(_SPACE).rstrip(b",]" + _SPACE)


def _object(record: bytes) -> dict[str, Any] | None:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _DECODER.decode(record)
        if isinstance(found, dict):
            return found
    return None


def _rows(found: dict[str, Any] | None) -> list[Row] | None:
    """The texts of an object: one row, or one for each object of the list in it; None where it is nested deeper."""
    if found is None:
        return None
    row: Row = {}
    many: tuple[str, list[Any]] | None = None
    for name, value in _members(found, ""):
        if isinstance(value, list) and value and many is None:
            many = (name, value)
        elif isinstance(value, dict | list) and value:
            return None
        else:
            row[name] = _text(value)
    if many is None:
        return [row]
    rows: list[Row] = []
    for item in many[1]:
        if not isinstance(item, dict) or any(isinstance(v, dict | list) and v for v in item.values()):
            return None
        rows.append(row | {name: _text(value) for name, value in item.items()})
    return rows


def _count(found: Any) -> int:
    """Members at any depth; of one that stands twice a decoder keeps the last, silently."""
    if isinstance(found, dict):
        return len(found) + sum(map(_count, found.values()))
    return sum(map(_count, found)) if isinstance(found, list) else 0


def _members(found: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict) and value and not prefix:
            yield from _members(value, f"{name}.")
        else:
            yield prefix + name, value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) else str(value)
