"""CSV in: plain or gzip; UTF-8, UTF-16 with its mark, or GB18030; parted by ``,`` ``;`` tab or ``|``."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from models.command import UsageError
from wellhouse.errors import WellhouseError

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "."]
SEPARATORS = ",;\t|"
_HEAD = 1 << 16
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_WIDTH = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_csv(path: Path, text: bool = False) -> pd.DataFrame:
    """The file's rows; missing cells are NaN. ``text`` keeps every other cell as it is written.

    :raises UsageError: there is no such file.
    :raises WellhouseError: it is not a CSV table with a header of distinct names and rows of its width.
    """
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    try:
        head = _head(path)
        for encoding in ("utf-16",) if head.startswith(_UTF_16) else ("utf-8-sig", "gb18030"):
            try:
                return _parse(path, encoding, head.decode(encoding, "replace"), text)
            except UnicodeError:
                continue
    except pd.errors.ParserError as error:
        if width := _WIDTH.search(str(error)):
            wanted, row, found = width.groups()
            raise WellhouseError(f"{path}: row {row}: {found} fields, expected {wanted} as in the header") from None
    except (pd.errors.EmptyDataError, OSError, EOFError):
        pass
    raise WellhouseError(f"{path}: not a CSV table in UTF-8, UTF-16 or GB18030, plain or gzip")


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """What is wrong with the rows of a file is told with the file's name."""
    try:
        yield
    except WellhouseError as error:
        raise WellhouseError(f"{path}: {error}") from None


def _open(path: Path) -> gzip.GzipFile | BinaryIO:
    """Its bytes; gzip is told by what it begins with, not by the file's name."""
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    return gzip.open(path) if zipped else path.open("rb")


def _head(path: Path) -> bytes:
    """What it begins with.

    :raises WellhouseError: there are NUL bytes, behind which a cell would be cut off unseen
    """
    with _open(path) as file:
        head = part = file.read(_HEAD)
        while part and not head.startswith(_UTF_16):
            if b"\0" in part:
                raise WellhouseError(f"{path}: NUL characters, expected text")
            part = file.read(_HEAD)
    return head


def _separator(header: str) -> str:
    """The one that the header has most of, outside quotation marks."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=bare.count)


def _decimal(separator: str, head: str) -> str:
    """A comma where numbers are written with one and none with a point, as Excel does in much of Europe."""
    cell = rf'(?:^|{re.escape(separator)})"?-?\d+{{}}\d+"?(?={re.escape(separator)}|$)'
    commas, points = (re.search(cell.format(mark), head, re.MULTILINE) for mark in (",", r"\."))
    return "," if separator != "," and commas and not points else "."


def _parse(path: Path, encoding: str, head: str, text: bool) -> pd.DataFrame:
    # the header is read apart: pandas would quietly rename a column that is there twice and cut off a longer first row
    separator = _separator(head.split("\n", 1)[0])
    lines = csv.reader(io.StringIO(head.lstrip("\ufeff"), newline=""), delimiter=separator, skipinitialspace=True)
    names = [name.strip() for name in next(filter(None, lines), [])]
    if len(set(names)) < len(names):
        raise WellhouseError(f"{path}: a column's name is there twice")
    options: dict[str, Any] = {"skiprows": lines.line_num, "skip_blank_lines": len(names) > 1}
    beyond = [len(names) + n for n in range(len(next(lines, [])) - len(names))]
    options |= {"header": None, "names": [*names, *beyond], "index_col": False, "skipinitialspace": True}
    options |= {"sep": separator, "decimal": _decimal(separator, head), "low_memory": False}
    options |= {"keep_default_na": False, "na_values": MISSING, "dtype": str if text else None}
    with _open(path) as file:
        table = pd.read_csv(file, encoding=encoding, **options)
    longer = table[beyond].notna().any(axis=1)
    if longer.any():
        raise WellhouseError(f"{path}: row {int(longer.argmax()) + 2}: more fields than the header")
    table = table[names]
    return table.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True) if text and options["decimal"] == "," else table
