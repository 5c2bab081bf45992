"""The forms a file of the sample may have besides delimited text: a workbook, JSON, JSON lines."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Sequence

import openpyxl

_EPOCH = (1980, 1, 1, 0, 0, 0)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_SAVED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def xlsx(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook as a system exports it: a title, the header, numbers as numbers and days as days."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("体检数据")
    sheet.append([title])
    sheet.append(list(header))
    for row in rows:
        sheet.append([_cell(text) for text in row])
    drafted = io.BytesIO()
    book.save(drafted)
    return _timeless(drafted.getvalue())


def _cell(text: str) -> str | float | dt.date | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    day = _DATE.fullmatch(text)
    return dt.date(*map(int, day.groups())) if day else text or None


def _timeless(workbook: bytes) -> bytes:
    """Without the time at which it was saved, so that the same seed gives the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _SAVED.sub(b"1980-01-01T00:00:00Z", data)
            target.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def objects(header: Sequence[str], rows: Sequence[Sequence[str]], lines: bool) -> bytes:
    """An array of objects, or an object a line; blank cells are left out."""
    texts = [
        json.dumps({h: cell for h, cell in zip(header, row, strict=True) if cell}, ensure_ascii=False) for row in rows
    ]
    return ("\n".join(texts) + "\n" if lines else "[" + ",\n ".join(texts) + "]\n").encode()
