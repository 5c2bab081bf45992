"""Excel workbooks (.xlsx, .xlsm): every visible sheet that has the wanted header, its rows one after the other.

A record is a row, written as a CSV line (what is sealed as the record); the workbook itself is kept sealed beside it.
Formulas are never evaluated: their stored results are read. A number is written with the 15 digits that Excel keeps.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import python_calamine as calamine

from wellhouse.ingest import footers, header
from wellhouse.ingest.footers import Footers
from wellhouse.ingest.formats import Piece, workbook
from wellhouse.ingest.formats.workbook import Inspected, Part
from wellhouse.ingest.header import Header, Merged
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.records import NUL
from wellhouse.ingest.sniff import Unreadable

_PIECE_ROWS = 5_000
_SINCE_1904, _LAST_DAY = dt.date(1904, 1, 1), 99_999
_REPEATED = ("repeated_header", "a record, not the header again")


@contextmanager
def opened(path: Path, mapping: Mapping) -> Iterator[Workbook]:
    """
    :raises Unreadable: broken, locked, too large, or without a sheet
    """
    inspected = workbook.inspect(path)
    try:
        book = calamine.load_workbook(path)
        meta = list(book.sheets_metadata)
        sheets = [
            _Sheet(number, book.get_sheet_by_index(number - 1), part, m.visible == calamine.SheetVisibleEnum.Visible)
            for number, (m, part) in enumerate(zip(meta, inspected.sheets, strict=True), 1)
            if m.typ == calamine.SheetTypeEnum.WorkSheet
        ]
    except (calamine.CalamineError, ValueError) as error:
        raise Unreadable("broken_workbook", "a complete workbook (.xlsx) without a password") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable("broken_workbook", "a complete workbook (.xlsx)") from None
    yield Workbook.of([s for s in sheets if s.written], mapping, inspected)


@dataclass
class _Sheet:
    """A worksheet; places count from its first used column. ``of``: where its columns are in the file's header."""

    number: int
    cells: calamine.CalamineSheet
    part: Part
    visible: bool
    first: int = 0
    after: int = 0
    header: Header | None = None
    of: list[int] = field(default_factory=list)
    top: set[tuple[str, ...]] = field(default_factory=set)
    """Its header rows."""
    dated: list[int] = field(default_factory=list)
    """Places of columns whose plain numbers are days since 1904."""

    @property
    def written(self) -> bool:
        return self.cells.start is not None

    @property
    def height(self) -> int:
        return self.cells.total_height + 1  # it is the number of the last row, from 0

    def rows(self) -> Iterator[list[str]]:
        """The texts of every row, blank ones too."""
        offset = self.cells.start[1] if self.cells.start else 0
        odd: dict[int, list[tuple[int, str]]] = {}
        for (row, column), text in self.part.odd.items():
            odd.setdefault(row, []).append((column - offset, text))
        for number, cells in enumerate(self.cells.iter_rows()):
            texts = [cell if type(cell) is str else _text(cell) for cell in cells]
            for column in self.part.percent.get(number, ()):
                place = column - offset
                if 0 <= place < len(cells) and type(cell := cells[place]) is float:
                    texts[place] = f"{cell * 100:.15g}%"
            for place in self.dated:
                if place < len(cells) and type(cell := cells[place]) is float and 0 <= cell <= _LAST_DAY:
                    texts[place] = (_SINCE_1904 + dt.timedelta(days=int(cell))).isoformat()
            for place, text in odd.get(number, ()):
                if 0 <= place < len(texts):
                    texts[place] = text
            yield texts

    def records(self) -> Iterator[list[str]]:
        """The rows below the header that are not blank; a cell merged over several rows is in each of them."""
        merged = sorted(self._merged_down(), reverse=True)
        going_on: dict[int, tuple[int, str]] = {}
        for number, row in enumerate(self.rows()):
            if number < self.after:
                continue
            for place, (last, text) in list(going_on.items()):
                if number > last:
                    del going_on[place]
                elif not row[place]:
                    row[place] = text
            while merged and merged[-1][0] <= number:
                _, place, last = merged.pop()
                if place < len(row) and last > number:
                    going_on[place] = last, row[place]
            if any(cell.strip() for cell in row):
                yield row

    def _merged_down(self) -> list[tuple[int, int, int]]:
        """(first row, place, last row) of the merged cells below the header that span rows."""
        offset = self.cells.start[1] if self.cells.start else 0
        return [
            (top, left - offset, bottom)
            for (top, left), (bottom, _) in self.cells.merged_cell_ranges or ()
            if bottom > top >= self.after and left >= offset
        ]

    def look(self, mapping: Mapping) -> None:
        """Find its header."""
        top = [row for row, _ in zip(self.rows(), range(header.LINES + 2), strict=False)]
        self.header, self.first, self.after = header.choose(top, mapping, self._merged())
        self.top = {tuple(c.strip() for c in row) for row in top[self.first : self.after]}

    def since_1904(self, mapping: Mapping) -> None:
        """Its days are counted from 1904: a number that is not shown as a date would be read four years too early."""
        places = self.header.places if self.header else {}
        self.dated = [place for role, place in places.items() if role in mapping.dated]

    def _merged(self) -> Merged:
        offset = self.cells.start[1] if self.cells.start else 0
        merged = Merged()
        for (top, left), (bottom, right) in self.cells.merged_cell_ranges or ():
            if top > header.LINES:
                continue
            right = min(right, offset + self.cells.total_width)
            if bottom == top + 1:
                merged.down.setdefault(top, set()).update(range(left - offset, right - offset + 1))
            if bottom == top:
                merged.left.update({(top, j - offset): left - offset for j in range(left, right + 1)})
        return merged


def _text(cell: Any) -> str:
    """As a CSV export would hold it."""
    if type(cell) is float:
        return f"{cell:.15g}"
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, int):
        return f"{cell:.15g}"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.timedelta):
        return f"{cell.total_seconds():.15g}"
    return str(cell.isoformat())


@dataclass(frozen=True)
class Workbook:
    """``sheets``: those that are read; ``left_out``: (sheet, reason, expected) of those that are not."""

    header: Header
    head: bytes
    sheets: list[_Sheet]
    left_out: list[tuple[_Sheet, str, str]]
    notes: tuple[str, ...]
    below: Footers
    encoding: None = None

    @classmethod
    def of(cls, sheets: list[_Sheet], mapping: Mapping, inspected: Inspected) -> Workbook:
        if not sheets:
            raise Unreadable("empty_file", "a sheet with a header and records", rows=0)
        for sheet in sheets:
            sheet.look(mapping)
            if inspected.since_1904:
                sheet.since_1904(mapping)
        visible = [s for s in sheets if s.visible]
        read = [s for s in visible if s.header and not s.header.missing] or visible[:1] or sheets[:1]
        names = _places(read)
        left_out = [
            (s, "sheet_not_read", "a header with the columns that the mapping requires")
            if s.visible else (s, "hidden_sheet", "records in sheets that are shown")
            for s in sheets if s not in read
        ]  # fmt: skip
        notes = []
        if inspected.macros:
            notes.append("holds macros: they were not looked at")
        if formulas := sum(s.part.formulas for s in read):
            notes.append(f"{formulas} cells hold formulas: their stored results were read, nothing was calculated")
        top = [row for row, _ in zip(read[0].rows(), range(read[0].after), strict=False)]
        head = b"".join(map(_line, top))
        return cls(header.under(names, mapping), head, read, left_out, tuple(notes), mapping.footers)

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        notes = self.notes
        for sheet in self.sheets:
            for rows in _chunks(sheet):
                yield self._piece(rows, sheet, wanted, notes)
                notes = ()
        for sheet, reason, expected in self.left_out:
            data = _line([f"sheet {sheet.number}", f"{sheet.height} rows"])
            bad = [(0, reason, f"{expected}: sheet {sheet.number} with {sheet.height} rows")]
            nothing = pa.table({str(p): pa.array([], pa.string()) for p in sorted(wanted)})
            yield Piece(data, np.zeros(1, np.int64), nothing, np.empty(0, np.int64), bad, notes=notes, rendered=True)
            notes = ()

    def _piece(self, rows: list[list[str]], sheet: _Sheet, wanted: set[int], notes: tuple[str, ...]) -> Piece:
        lines = [_line(row) for row in rows]
        bad: list[tuple[int, str, str]] = []
        good: list[int] = []
        for i, row in enumerate(rows):
            if tuple(cell.strip() for cell in row) in sheet.top:
                bad.append((i, *_REPEATED))
            elif self.below.row(row):
                bad.append((i, *footers.REASON))
            elif b"\x00" in lines[i]:
                bad.append((i, *NUL))
            else:
                good.append(i)
        at = {place: j for j, place in enumerate(sheet.of)}
        table = pa.table({
            str(p): pa.array([rows[i][at[p]] for i in good] if p in at else [""] * len(good), pa.string())
            for p in sorted(wanted)
        })  # fmt: skip
        starts = np.r_[0, np.cumsum([len(line) for line in lines], dtype=np.int64)[:-1]].astype(np.int64)
        return Piece(b"".join(lines), starts, table, np.array(good, np.int64), bad, notes=notes, rendered=True)


def _places(sheets: list[_Sheet]) -> list[str]:
    """The columns of all sheets under one header; fills each sheet's ``of``. The n-th of one name meets the n-th."""
    names: list[str] = []
    for sheet in sheets:
        free = list(range(len(names)))
        for name in sheet.header.names if sheet.header else ():
            place = next((p for p in free if names[p] == name), None)
            if place is None:
                place = len(names)
                names.append(name)
            else:
                free.remove(place)
            sheet.of.append(place)
    return names


def _chunks(sheet: _Sheet) -> Iterator[list[list[str]]]:
    """The records of a sheet, as wide as its header."""
    width = len(sheet.of)
    rows: list[list[str]] = []
    for row in sheet.records():
        rows.append(row[:width] if len(row) >= width else [*row, *[""] * (width - len(row))])
        if len(rows) == _PIECE_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


class _Lines(list[str]):
    write = list.append


def _line(row: Sequence[str]) -> bytes:
    lines = _Lines()
    csv.writer(lines, lineterminator="\n").writerow(row)
    return lines[0].encode()
