"""What a workbook is before it is read: its parts' sizes, macros, and the cells that a reader would take for blank.

A reader of spreadsheets holds a sheet as a full rectangle, so two cells in opposite corners would take all memory, and
it gives a cell that holds an error, or a formula never calculated, as blank: both are found here first.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wellhouse.ingest.sniff import Unreadable

MAX_BYTES = 1 << 30
"""Of all parts, unpacked."""
MAX_PART_BYTES = 256 << 20
"""Of any part besides the sheets: shared strings and styles are held at once."""
MAX_CELLS = 1 << 24
"""Of a sheet's rectangle: 320,000 rows of 50 columns."""
MAX_PARTS = 10_000
_CHUNK = 1 << 20
_MAX_NOTED = 10_000
_MAX_CELL_BYTES = 4 << 20
_ID = re.compile(rb"""<(?:\w+:)?sheet\b[^>]*?\b\w+:id=["']([^"']+)["']""")
_SINCE_1904 = re.compile(rb"""<(?:\w+:)?workbookPr\b[^>]*\bdate1904=["'](?:1|true)["']""")
_RELATION = re.compile(rb"""<(?:\w+:)?Relationship\b[^>]*>""")
_ATTRIBUTE = re.compile(rb"""\b(Id|Target)=["']([^"']+)["']""")
_COLUMN, _ROW = re.compile(rb"""\br=["']([A-Z]{1,3})\d"""), re.compile(rb"""\br=["'][A-Z]{0,3}(\d{1,7})["']""")
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\b(?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*>(?:(?!</(?:\w+:)?c>).){0,4096}?"""
    rb"""<(?:\w+:)?v>([^<]{1,32})<""",
    re.DOTALL,
)
_FORMULA = re.compile(
    rb"""<(?:\w+:)?c\b([^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*)>\s*"""
    rb"""<(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(<(?:\w+:)?v>[^<]?|<(?:\w+:)?v\s*/>)?""",
)
_PERCENT = {b"9", b"10"}
"""The formats 0% and 0.00% that every workbook has."""
_NUM_FMT = re.compile(rb"<(?:\w+:)?numFmt\b[^>]*>")
_FORMAT = re.compile(rb"""\b(numFmtId|formatCode)=["']([^"']*)["']""")
_XF = re.compile(rb"""<(?:\w+:)?xf\b[^>]*?\bnumFmtId=["'](\d+)["']""")
_STYLED = re.compile(rb"""<(?:\w+:)?c\b(?=[^>]*\bs=["'](\d+)["'])[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_TEXT = re.compile(rb"""\bt=["']str["']""")


@dataclass
class Part:
    """A worksheet. ``odd``: (row, column) from 0 → what stands in a cell that a reader takes for blank.

    ``percent``: row → columns of cells that are shown as percentages, so a hundred times what is stored.
    """

    odd: dict[tuple[int, int], str] = field(default_factory=dict)
    formulas: int = 0
    percent: dict[int, list[int]] = field(default_factory=dict)


@dataclass
class Inspected:
    """``sheets``: in the workbook's order; what is no worksheet has a blank entry."""

    sheets: list[Part]
    macros: bool
    since_1904: bool
    """Whether its days are counted from 1904, as Excel for the Macintosh did."""


def inspect(path: Path) -> Inspected:
    """Look through a workbook without holding it.

    :raises Unreadable: no workbook, broken, locked, or one that would take more memory than is given
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _within_limits(parts)
            macros = any(p.filename.lower().endswith("vbaproject.bin") for p in parts)
            percent = _percent_styles(archive)
            found: dict[str, Part] = {}
            for part in parts:
                if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                    found[part.filename] = _sheet(archive, part, percent)
                else:
                    for _ in _unpacked(archive, part):
                        pass  # to its end, so that its check sum is compared
            since_1904 = _SINCE_1904.search(archive.read("xl/workbook.xml")) is not None
            return Inspected([found.get(name, Part()) for name in _order(archive)], macros, since_1904)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, OSError, KeyError) as error:
        raise Unreadable("broken_workbook", "a complete workbook (.xlsx) without a password") from error


def _within_limits(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MAX_PARTS or sum(p.file_size for p in parts) > MAX_BYTES:
        raise Unreadable("compression_bomb", f"a workbook of at most {MAX_BYTES >> 20} MiB unpacked; send it as CSV")
    if any(p.file_size > MAX_PART_BYTES for p in parts if not p.filename.startswith("xl/worksheets/")):
        raise Unreadable(
            "compression_bomb", f"parts besides its sheets of at most {MAX_PART_BYTES >> 20} MiB; send it as CSV"
        )


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Never more than the size the part declares: what it says beyond that is an error."""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _order(archive: zipfile.ZipFile) -> list[str]:
    """The part of each sheet."""
    relations = [dict(_ATTRIBUTE.findall(r)) for r in _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels"))]
    targets = {r.get(b"Id"): r.get(b"Target", b"").decode("utf-8", "replace") for r in relations}
    names = [targets.get(i, "") for i in _ID.findall(archive.read("xl/workbook.xml"))]
    return [name.lstrip("/") if name.startswith("/") else f"xl/{name}" for name in names]


def _sheet(archive: zipfile.ZipFile, part: zipfile.ZipInfo, percent: set[bytes]) -> Part:
    found = Part()
    columns, rows = 1, 1
    rest = b""
    for chunk in _unpacked(archive, part):
        data = rest + chunk
        # a cell that the chunk's end cuts is looked at whole, with the next chunk
        cut = max(data.rfind(b"</c>"), data.rfind(b":c>")) + 1
        data, rest = data[:cut], data[cut:]
        if len(rest) > _MAX_CELL_BYTES:
            raise Unreadable("broken_workbook", f"cells of at most {_MAX_CELL_BYTES >> 20} MiB")
        columns, rows = _extent(data, columns, rows)
        _odd(data, found)
        if percent:
            _percentages(data, percent, found)
    columns, rows = _extent(rest, columns, rows)
    if columns * rows > MAX_CELLS:
        raise Unreadable("compression_bomb", f"a sheet of at most {MAX_CELLS:,} cells; send it as CSV")
    return found


def _extent(data: bytes, columns: int, rows: int) -> tuple[int, int]:
    return (
        max(columns, *(_column(c) + 1 for c in {b"A", *_COLUMN.findall(data)})),
        max(rows, *(int(r) for r in {b"1", *_ROW.findall(data)})),
    )


def _percent_styles(archive: zipfile.ZipFile) -> set[bytes]:
    """The style numbers whose cells are shown as percentages."""
    if "xl/styles.xml" not in archive.namelist():
        return set()
    styles = archive.read("xl/styles.xml")
    own = {number for number, code in _own_formats(styles) if b"%" in code}
    begin, end = styles.find(b"cellXfs"), styles.rfind(b"cellXfs")
    formats = _XF.findall(styles[begin:end])
    return {str(style).encode() for style, number in enumerate(formats) if number in own | _PERCENT}


def _own_formats(styles: bytes) -> list[tuple[bytes, bytes]]:
    found = (dict(_FORMAT.findall(element)) for element in _NUM_FMT.findall(styles))
    return [(f.get(b"numFmtId", b""), f.get(b"formatCode", b"")) for f in found]


def _percentages(data: bytes, percent: set[bytes], found: Part) -> None:
    for style, column, row in _STYLED.findall(data):
        if style in percent:
            found.percent.setdefault(int(row) - 1, []).append(_column(column))


def _odd(data: bytes, found: Part) -> None:
    if b'"e"' in data or b"'e'" in data:
        for column, row, error in _ERROR.findall(data):
            _note(found, column, row, error.decode("ascii", "replace"))
    if b"<f" in data or b":f" in data:
        for attributes, column, row, stored in _FORMULA.findall(data):
            found.formulas += 1
            # a formula whose result is an empty text says so; one that was never calculated has no result
            if (not stored or stored[-1:] == b">") and not (stored and _TEXT.search(attributes)):
                _note(found, column, row, "#FORMULA")


def _note(found: Part, column: bytes, row: bytes, text: str) -> None:
    if len(found.odd) >= _MAX_NOTED:
        raise Unreadable("broken_workbook", f"a workbook with fewer than {_MAX_NOTED:,} cells that hold an error")
    found.odd[int(row) - 1, _column(column)] = text


def _column(letters: bytes) -> int:
    """``A`` → 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
