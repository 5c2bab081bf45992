"""Find the header line, and what it says under a mapping."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

from wellhouse.ingest import sniff
from wellhouse.ingest.blocks import Splitter
from wellhouse.ingest.dictionary import normal_name
from wellhouse.ingest.mapping import Mapping

_LINES = 20
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


def under(names: list[str], mapping: Mapping) -> Header:
    """What these column names are under a mapping."""
    places = mapping.find(names)
    return Header(tuple(n.strip() for n in names), places, tuple(mapping.lacks(places)))


def find(text: sniff.Text, head: bytes, mapping: Mapping) -> Found:
    """The first of the first lines that has what the mapping requires; else the first line that is not blank."""
    candidates: list[Found] = []
    start = len(text.bom)
    ends, _ = Splitter(text.encoding, ",").cut(head[start:], False)
    if not len(ends):
        ends, _ = Splitter(text.encoding, ",").cut(head[start:], True)
    first = 0
    for end in ends[:_LINES].tolist():
        line = head[start + first : start + end].decode(text.encoding, "replace").rstrip("\r\n")
        first = end
        if not line.strip(" ,;\t"):
            continue
        delimiter = sniff.delimiter(line)
        names = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
        candidates.append(Found(under(names, mapping), delimiter, start + end))
        if not candidates[-1].header.missing:
            return candidates[-1]
    return candidates[0]
