"""Files that leave: Excel in Chinese opens them, no cell runs as a formula, and each says how much it holds."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), also written wide."""


CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = (CSV, XLSX)
_NO_SHEET = re.compile(r"[\[\]:*?/\\]")


def safe(cell: Any) -> Any:
    """A text that could run is marked as text; numbers and dates are what they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(RUNS) else cell


LINK = re.compile(r'<a href="[^"]*">(.*?)(?:\s→)?</a>', re.DOTALL)
"""How a dataset writes what a table of a dashboard shows as a link."""


def plain(cell: Any) -> Any:
    """What one clicks on instead of the link: a person's key. It stays text, Excel would round a key of 19 digits."""
    link = LINK.fullmatch(cell) if isinstance(cell, str) else None
    return safe(link[1]) if link else cell


def unlinked(data: bytes, kind: str) -> bytes:
    """The same file without the markup of links."""
    if kind == CSV:
        if b"<a href=" not in data:
            return data
        return rewritten(data, plain)
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data))
    linked = [cell for sheet in book for row in sheet.iter_rows() for cell in row if plain(cell.value) != cell.value]
    if not linked:
        return data
    for cell in linked:
        cell.value, cell.data_type = plain(cell.value), "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rewritten(data: bytes, cell: Callable[[str], Any]) -> bytes:
    """A CSV with ``cell`` done to each of its cells."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    return _csv([cell(c) for c in row] for row in rows)


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    return _csv([safe(c) for c in row] for row in rows)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8 with its byte order mark."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def xlsx_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    return workbook({"Wellhouse": rows})


def workbook(sheets: Mapping[str, Iterable[Sequence[Any]]]) -> bytes:
    """A sheet a name; of a name what Excel takes for one."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    for number, (name, rows) in enumerate(sheets.items(), 1):
        of_all = f"{number} " if len(sheets) > 1 else ""  # two names may be the same in their first 31 characters
        sheet = book.create_sheet(f"{of_all}{_NO_SHEET.sub('', name)}"[:31])
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([ILLEGAL_CHARACTERS_RE.sub("", c) if isinstance(c, str) else c for c in map(safe, row)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def described(data: bytes, rows: int, truncated: bool) -> dict[str, str]:
    """Headers: how many rows, the hash of the bytes, and whether there are more rows than these."""
    return {
        "X-Wellhouse-Rows": str(rows),
        "X-Wellhouse-SHA256": hashlib.sha256(data).hexdigest(),
        "X-Wellhouse-Truncated": "true" if truncated else "false",
        "Content-Length": str(len(data)),
    }


def count(data: bytes, kind: str) -> int:
    """Rows below the head."""
    if kind == CSV:
        return max(0, sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8-sig")))) - 1)
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True)
    return max(0, sum(1 for _ in book.worksheets[0].iter_rows()) - 1)
