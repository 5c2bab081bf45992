"""Find the header line, or the two header rows, and what they say under a mapping."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from wellhouse.ingest import dictionary, sniff
from wellhouse.ingest.blocks import Splitter
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.plain import unguarded
from wellhouse.ingest.sniff import Unreadable
from wellhouse.settings import settings

LINES = 20
"""A title, a date of printing and the like may stand before the header."""


@dataclass(frozen=True)
class Header:
    """Column names as written, role → place, and the required roles that have none."""

    names: tuple[str, ...]
    places: dict[str, int]
    missing: tuple[str, ...]

    def duplicates(self, used: set[int]) -> list[str]:
        """Header texts that stand twice where it matters."""
        counts = Counter(normal_name(self.names[i]) for i in used)
        return [self.names[i] for i in sorted(used) if counts[normal_name(self.names[i])] > 1]


@dataclass(frozen=True)
class Found:
    """``stop``: where the header ends in the raw bytes, byte order mark and lines before it included."""

    header: Header
    delimiter: str
    stop: int


@dataclass(frozen=True)
class Merged:
    """Merged cells: row → columns whose cell goes on in the row below; (row, column) → the column where it begins."""

    down: dict[int, set[int]] = field(default_factory=dict)
    left: dict[tuple[int, int], int] = field(default_factory=dict)


def under(names: Sequence[str], mapping: Mapping) -> Header:
    """What these column names are under a mapping."""
    stripped = tuple(n.strip() for n in names)
    places = mapping.find(list(stripped))
    return Header(stripped, places, tuple(mapping.lacks(places)))


def choose(rows: Sequence[Sequence[str]], mapping: Mapping, merged: Merged | None = None) -> tuple[Header, int, int]:
    """(header, its first row, the row after it): the first that has what the mapping requires, in one row or in two.

    :param rows: the first rows of the table
    """
    merged = merged or Merged()
    written = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not written:
        return under((), mapping), 0, 1
    for i in written:
        alone = under(rows[i], mapping)
        below = rows[i + 1] if i + 1 < len(rows) else None
        if below is not None and (_goes_on(rows[i], below, i, merged) or (alone.missing and any(below))):
            both = under(_joined(rows[i], below, i, merged), mapping)
            if not both.missing and (not alone.missing or under(below, mapping).missing):
                return both, i, i + 2
        if not alone.missing:
            return alone, i, i + 1
    return under(rows[written[0]], mapping), written[0], written[0] + 1


def find(text: sniff.Text, head: bytes, mapping: Mapping) -> Found:
    """The header of delimited text.

    :param head: the beginning of the file
    :raises Unreadable: its first line does not end
    """
    start = len(text.bom)
    splitter = Splitter(text.encoding, sniff.DELIMITERS, text.line_end)
    ends, _ = splitter.cut(head[start:], False)
    if not len(ends):
        if len(head) >= sniff.SAMPLE_BYTES:
            raise Unreadable("record_too_long", f"a first line of at most {sniff.SAMPLE_BYTES >> 10} KiB")
        ends, _ = splitter.cut(head[start:], True)
    stops = ends[: LINES + 1].tolist()
    edges = zip([0, *stops[:-1]], stops, strict=True)
    lines = [head[start + a : start + b].decode(text.encoding, "replace").rstrip("\r\n") for a, b in edges]
    delimiters = [sniff.delimiter(line) for line in lines]
    # every line is read with the delimiter of its own: a title may hold commas where the table has tabs
    rows = [_cells(line, delimiter) for line, delimiter in zip(lines, delimiters, strict=True)]
    header, first, after = choose(rows, mapping)
    if after - first > 1 and delimiters[first] != delimiters[after - 1]:
        header, after = under(rows[first], mapping), first + 1
    return Found(header, delimiters[first], start + stops[after - 1])


def _cells(line: str, delimiter: str) -> list[str]:
    return [unguarded(cell) for cell in next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])]


def _goes_on(upper: Sequence[str], lower: Sequence[str], row: int, merged: Merged) -> bool:
    """Whether the row below is part of the header: cells are merged down into it, or it holds nothing but units."""
    if merged.down.get(row) or any(r == row and left != j and j < len(lower) and lower[j].strip()
                                   for (r, j), left in merged.left.items()):  # fmt: skip
        return True
    said = [cell for cell in lower if cell.strip()]
    return len(said) > 1 and all(map(_is_unit, said))


def _joined(upper: Sequence[str], lower: Sequence[str], row: int, merged: Merged) -> list[str]:
    """One name a column: the lower cell, or the upper one where there is none; a unit goes in brackets behind."""
    width = max(len(upper), len(lower))
    above = [*upper, *[""] * (width - len(upper))]
    below = [*lower, *[""] * (width - len(lower))]
    counts = Counter(below)
    names: list[str] = []
    for j, (top, low) in enumerate(zip(above, (cell.strip() for cell in below), strict=True)):
        if not top.strip() and low and j:
            # a merged cell's text stands in its first column only
            above[j] = top = above[merged.left.get((row, j), j - 1)]
        top = top.strip()
        if not low or not top:
            names.append(low or top)
        elif _is_unit(low):
            names.append(f"{top}({_bare(low)})")
        else:
            names.append(top + low if counts[low] > 1 else low)
    return names


def _is_unit(cell: str) -> bool:
    return dictionary.load(settings().root).unit(_bare(cell)) is not None


def _bare(cell: str) -> str:
    """A unit without the brackets around it."""
    cell = cell.strip()
    return cell[1:-1].strip() if cell[:1] in ("(", "（") and cell[-1:] in (")", "）") else cell
