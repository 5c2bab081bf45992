"""JSON: an array of objects, alone or in an envelope, or an object a line (JSON lines), plain or gzipped, in UTF-8.

A record is an object. An envelope is an object around the array, as web services answer: what stands in it before the
array is the head, what stands behind it the tail. Members are columns; those of an object inside are called
``outer.inner``; a list of objects inside, such as the answers of a questionnaire, makes a row of each. Numbers are read
as they are written.
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
from wellhouse.ingest.mapping import IDENTIFIERS, Mapping
from wellhouse.ingest.records import NUL
from wellhouse.ingest.sniff import Unreadable

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]]', re.DOTALL)
_MEMBER = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)
_DECODER = msgspec.json.Decoder(float_hook=str)
_SPACE = b" \t\r\n"
_LIST = re.compile(rb"\[\s*\{")
_PLAIN = r'"(?:[^"\\]|\\.)*+"'
_ENVELOPE = re.compile(rf"\{{\s*(?:{_PLAIN}\s*:\s*(?:{_PLAIN}\s*,|[\w.+-]+\s*,|\{{)\s*)*{_PLAIN}\s*:\s*\[(?=\s*\{{)")
"""An object up to the array that is its first member which is no text, number or object around the rest."""
_MAX_COLUMNS = 10_000
_BAD = ("bad_json", "a JSON object")
_TWICE = ("duplicate_member", "each member of an object once")
_SEVERAL = ("several_persons", "an object of one person, or an array of such objects")
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
    head, lines, enveloped = _beginning(text, mapping)
    names = _names(path, text.gzipped, len(head), lines, enveloped)
    with sniff.open_bytes(path, text.gzipped) as file:
        sniff.read_up_to(file, len(head))
        yield Objects(header.under(names, mapping), head, file, lines, text.gzipped, enveloped)


def _beginning(text: sniff.Text, mapping: Mapping) -> tuple[bytes, bool, bool]:
    """(bytes before the first object, whether every line is an object, whether they stand in an envelope)."""
    body = text.head.lstrip()
    before = text.bom + text.head[: len(text.head) - len(body)].encode()
    if body.startswith("["):
        return before + b"[", False, False
    first, _, more = body.partition("\n")
    line = _object(first.encode())
    if line is None or not more.strip():
        envelope = _ENVELOPE.match(body)
        whole = envelope is not None and "\ufffd" not in envelope[0]  # else its bytes are not those of the text
        if envelope and whole and not _names_somebody(line or _object(body.encode()), envelope[0], mapping):
            return before + envelope[0].encode(), False, True
    return before, line is not None, False


def _names_somebody(whole: dict[str, Any] | None, beginning: str, mapping: Mapping) -> bool:
    """Whether an object says whom it is about beside the array in it, which then is a part of a record."""
    names: list[str] = []
    if whole is None:
        with suppress(msgspec.DecodeError):
            names = [str(_DECODER.decode(name)) for name in re.findall(rf"({_PLAIN})\s*:", beginning)]
    else:
        names = [name for name, value in _members(whole, "") if not isinstance(value, list)]
    return not mapping.find(names).keys().isdisjoint(IDENTIFIERS)


def _names(path: Path, gzipped: bool, skip: int, lines: bool, enveloped: bool) -> list[str]:
    """Every member that any object has: the file is read once for its names, so that none is missed."""
    names: dict[str, None] = {}
    with sniff.open_bytes(path, gzipped) as file:
        sniff.read_up_to(file, skip)
        for data, starts in _cut(file, lines, gzipped, enveloped):
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
    enveloped: bool
    encoding: str = "utf-8"

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        for data, starts in _cut(self.file, self.lines, self.gzipped, self.enveloped):
            yield self._piece(data, starts, sorted(wanted))

    def _piece(self, data: bytes, starts: list[int], wanted: list[int]) -> Piece:
        rows: list[Row] = []
        good: list[int] = []
        bad: list[tuple[int, str, str]] = []
        persons = [self.header.names[self.header.places[role]] for role in IDENTIFIERS if role in self.header.places]
        for i, record in enumerate(_records(data, starts) if wanted else ()):
            found = _object(record)
            made = _rows(found)
            if found is None:
                bad.append((i, *_BAD))
            elif _count(found) != len(list(filter(None, _MEMBER.findall(record)))):
                bad.append((i, *_TWICE))
            elif made is None:
                bad.append((i, *_NESTED))
            elif len({tuple(row.get(name, "") for name in persons) for row in made}) > 1:
                bad.append((i, *_SEVERAL))
            elif any("\x00" in text for row in made for text in row.values()):
                bad.append((i, *NUL))
            else:
                rows += made
                good += [i] * len(made)
        names = self.header.names
        table = pa.table({str(p): pa.array([row.get(names[p], "") for row in rows], pa.string()) for p in wanted})
        return Piece(data, np.array(starts, np.int64), table, np.array(good, np.int64), bad)


def _cut(file: IO[bytes], lines: bool, gzipped: bool, enveloped: bool) -> Iterator[tuple[bytes, list[int]]]:
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
        ends, tail = (_lines(data), -1) if lines else _objects(data, enveloped)
        stop = ends[-1] if ends else 0
        if tail >= 0:
            yield from _with_tail(file, data, ends, tail)
            return
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


def _with_tail(file: IO[bytes], data: bytes, ends: list[int], tail: int) -> Iterator[tuple[bytes, list[int]]]:
    """The last records of an array in an envelope, and what stands behind it; another array of objects is a record."""
    if data[ends[-1] if ends else 0 : tail].strip(_SPACE):
        ends.append(tail)
    behind = data[tail:] + sniff.read_up_to(file, MAX_LINE_BYTES)
    if len(behind) > MAX_LINE_BYTES:
        raise Unreadable("record_too_long", f"less than {MAX_LINE_BYTES >> 20} MiB behind the array")
    if ends:
        yield data[: ends[-1]], [0, *ends[:-1]]
    yield (data[ends[-1] : tail] if ends else data[:tail]) + behind, [0] if _LIST.search(behind) else []


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


def _objects(data: bytes, enveloped: bool) -> tuple[list[int], int]:
    """(where each object ends, its comma included; where the array ends that stands in an envelope, -1: not here)."""
    ends: list[int] = []
    depth, tail = 0, -1
    for token in _TOKEN.finditer(data):
        kind = data[token.start()]
        if kind in b"{[":
            depth += 1
        elif kind in b"}]":
            depth -= 1
            if enveloped and depth < 0:
                tail = token.start()
                break
            if depth <= 0 and kind == b"}"[0]:
                ends.append(token.end())
            depth = max(depth, 0)
        elif not token[1]:
            break  # a text that goes on in the next block
    return [_after_comma(data, end) for end in ends], tail


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
