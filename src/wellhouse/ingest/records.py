"""A block of raw records → columns of text (Arrow), with the records that are no records set aside."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc_csv

from wellhouse.ingest import footers
from wellhouse.ingest.blocks import Block
from wellhouse.ingest.footers import Footers
from wellhouse.ingest.plain import GUARD, all_unguarded

NUL = ("nul_character", "text without NUL characters")


@dataclass(frozen=True)
class Records:
    """``table`` has one row for each of ``good`` (the block's record indexes); ``bad``: (index, reason, expected)."""

    table: pa.Table
    good: npt.NDArray[np.int64]
    bad: list[tuple[int, str, str]]


def parse(
    block: Block, encoding: str, delimiter: str, columns: Sequence[str], wanted: Sequence[str], below: Footers
) -> Records:
    """Parse a block.

    :param columns: unique names of all columns of the file, in order
    :param wanted: those to return; all are strings, never null
    :param below: how a row is recognised that is no record
    """
    bad: list[tuple[int, str, str]] = []
    alive = np.ones(len(block.starts), bool)
    for i in np.flatnonzero(block.torn).tolist():
        bad.append((i, "unclosed_quote", "a closing quote before the end of the record"))
        alive[i] = False
    for i in below.records(block, encoding):
        if alive[i]:
            bad.append((i, *footers.REASON))
            alive[i] = False
    text = _decode(block, encoding, alive, bad)
    table = _fast(text, delimiter, columns, wanted, quoted=b'"' in text)
    indexes = np.flatnonzero(alive)
    if table is None or table.num_rows != len(indexes):
        table, indexes = _careful(block, encoding, delimiter, columns, wanted, indexes, bad)
    if GUARD[:1] in text and GUARD in text:  # one byte is found ten times as fast as two
        table = all_unguarded(table)
    bad.sort()
    return Records(table, indexes, bad)


def _decode(block: Block, encoding: str, alive: npt.NDArray[np.bool_], bad: list[tuple[int, str, str]]) -> bytes:
    """The living records as UTF-8; a record that does not decode dies alone."""
    with suppress(UnicodeDecodeError):
        if alive.all() and not block.gaps and b"\x00" not in (text := _to_utf8(block.data, encoding)):
            return text
    parts = []
    for i in np.flatnonzero(alive).tolist():
        try:
            part = _to_utf8(_raw(block, i), encoding)
        except UnicodeDecodeError:
            bad.append((i, "undecodable", f"text in {encoding.upper()}"))
            alive[i] = False
            continue
        if b"\x00" in part:
            bad.append((i, *NUL))
            alive[i] = False
        else:
            parts.append(part)
    return b"".join(parts)


def _to_utf8(data: bytes, encoding: str) -> bytes:
    if encoding != "utf-8":
        return data.decode(encoding).encode()
    if not _is_utf8(data):
        data.decode()  # raises
    return data


def _is_utf8(data: bytes) -> bool:
    """Faster than decoding."""
    try:
        pa.StringArray.from_buffers(1, pa.array([0, len(data)], pa.int32()).buffers()[1], pa.py_buffer(data)).validate(
            full=True
        )
    except pa.ArrowInvalid:
        return False
    return True


def _raw(block: Block, i: int) -> bytes:
    return block.data[block.begins[i] : block.ends[i]]


def _fast(text: bytes, delimiter: str, columns: Sequence[str], wanted: Sequence[str], quoted: bool) -> pa.Table | None:
    """None when some record does not fit: the careful way then finds which."""
    if not text:
        return None
    try:
        return pc_csv.read_csv(
            pa.py_buffer(text),
            pc_csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(columns)),
            pc_csv.ParseOptions(delimiter=delimiter, newlines_in_values=quoted),
            pc_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
                include_columns=list(wanted),
                check_utf8=False,
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None


def _careful(
    block: Block,
    encoding: str,
    delimiter: str,
    columns: Sequence[str],
    wanted: Sequence[str],
    indexes: npt.NDArray[np.int64],
    bad: list[tuple[int, str, str]],
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Record by record; only for blocks that hold a misshapen one."""
    places = [columns.index(name) for name in wanted]
    rows: list[list[str]] = []
    good: list[int] = []
    for i in indexes.tolist():
        cells = _cells(_raw(block, i).decode(encoding), delimiter)
        if not any(cell.strip() for cell in cells[len(columns) :]):
            cells = cells[: len(columns)]
        if len(cells) == len(columns):
            rows.append([cells[p] for p in places])
            good.append(i)
        elif block.unterminated and i == len(block.starts) - 1 and len(cells) < len(columns):
            bad.append((i, "truncated_record", f"{len(columns)} columns and a line end: the file stops in this record"))
        else:
            bad.append((i, "wrong_column_count", f"{len(columns)} columns, found {len(cells)}"))
    arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] if rows else [
        pa.array([], pa.string()) for _ in wanted
    ]  # fmt: skip
    return pa.table(arrays, names=list(wanted)), np.array(good, np.int64)


def _cells(record: str, delimiter: str) -> list[str]:
    parsed = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter))
    return parsed[0] if len(parsed) == 1 else [] if not parsed else [*parsed[0], *parsed[1]]
