"""A byte stream cut into blocks of whole records, with the place of every record in the raw bytes.

Works on raw bytes: in UTF-8 and GB18030 neither a line feed nor a quote is ever part of a longer character; UTF-16 is
looked at in units of two bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from wellhouse.ingest.sniff import Unreadable

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 1 << 20
"""A record longer than this has an unclosed quote: it ends at its first line."""
MAX_LINE_BYTES = 4 * MAX_RECORD_BYTES
"""A line longer than this is no record of anything."""

_LF, _CR, _QUOTE, _SPACE = 0x0A, 0x0D, 0x22, 0x20


@dataclass(frozen=True)
class Block:
    """Whole records. Record i is ``data[starts[i]:starts[i + 1]]``; blank lines belong to the record before them.

    Its own text is ``data[begins[i]:ends[i]]``; ``gaps``: between them are lines of blank cells. ``torn`` are records
    whose quote never closes; ``last`` is true for the block that ends the file and ``unterminated`` when its last
    record has no line end.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    gaps: bool
    torn: npt.NDArray[np.bool_]
    last: bool
    unterminated: bool


class Splitter:
    """Splits bytes at record ends for one encoding, delimiter (any of several) and last character of a line."""

    def __init__(self, encoding: str, delimiters: str, line_end: str = "\n") -> None:
        self._wide = encoding.startswith("utf-16")
        self._type = np.dtype("<u2" if encoding == "utf-16-le" else ">u2") if self._wide else np.dtype(np.uint8)
        self._delimiters = [ord(delimiter) for delimiter in delimiters]
        self._edges = (*self._delimiters, _LF, _CR)
        self._line_end = ord(line_end)

    @property
    def unit(self) -> int:
        """Bytes a unit."""
        return 2 if self._wide else 1

    def cut(self, data: bytes, final: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """(record ends in bytes, which of them are torn); only complete records, or all when ``final``."""
        units = np.frombuffer(data, self._type, count=len(data) // self.unit)
        ends, torn, open_from = self._ends(units)
        while open_from is not None and (final or len(units) - open_from > MAX_RECORD_BYTES // self.unit):
            # the quote that opens here never closes: end that record at its first line and go on after it
            line = np.flatnonzero(units[open_from:] == self._line_end)
            stop = open_from + int(line[0]) + 1 if len(line) else len(units)
            more, more_torn, following = self._ends(units[stop:])
            torn += [stop, *(end + stop for end in more_torn)]
            ends = np.r_[ends, stop, more + stop]
            open_from = None if following is None else following + stop
        if final and len(units) and (not len(ends) or ends[-1] != len(units)):
            ends = np.r_[ends, len(units)]
        places, torn_at = ends.astype(np.int64) * self.unit, np.isin(ends, torn)
        if final and data:
            # half a character at the end of UTF-16 belongs to the last record, which then does not decode
            places = np.r_[places[:-1], len(data)]
            torn_at = torn_at if len(torn_at) else np.zeros(1, bool)
        return places, torn_at

    def blank(self, data: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which lines say nothing: empty, or cells without a text, as spreadsheets leave them below a table."""
        units = np.frombuffer(data, self._type, count=len(data) // self.unit)
        maybe = (ends - starts) // self.unit <= 2
        if len(units):
            first = np.minimum(starts // self.unit, len(units) - 1)
            one, two = units[first], units[np.minimum(first + 1, len(units) - 1)]
            maybe |= self._any(one, (*self._delimiters, _SPACE)) | ((one == _QUOTE) & (two == _QUOTE))
        nothing = f'\r\n "{"".join(map(chr, self._delimiters))}'.encode() + (b"\x00" if self._wide else b"")
        return np.array(
            [i for i in np.flatnonzero(maybe).tolist() if not data[starts[i] : ends[i]].strip(nothing)], np.int64
        )

    def _ends(self, units: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int64], list[int], int | None]:
        """(record ends in units, which of them are torn, start of the record whose quote is still open)."""
        lines = np.flatnonzero(units == self._line_end)
        quotes = np.flatnonzero(units == _QUOTE)
        if not len(quotes):
            return lines + 1, [], None
        if not self._regular(units, quotes):
            return self._walk(units, np.sort(np.r_[lines, quotes]))
        ends = lines[np.searchsorted(quotes, lines) % 2 == 0] + 1
        if len(quotes) % 2 == 0:
            return ends, [], None
        ends = ends[ends <= quotes[-1]]
        return ends, [], int(ends[-1]) if len(ends) else 0

    def _regular(self, units: npt.NDArray[np.generic], quotes: npt.NDArray[np.int64]) -> bool:
        """Whether counting quotes is enough: every opening one begins a field or follows a closing one (``""``)."""
        opening, closing = quotes[0::2], quotes[1::2]
        starts = (opening == 0) | self._any(units[np.maximum(opening - 1, 0)], (*self._edges, _QUOTE))
        return bool(starts.all() and self._any(self._following(units, closing), (*self._edges, _QUOTE)).all())

    @staticmethod
    def _any(units: npt.NDArray[np.generic], of: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which units are one of a few: faster than ``isin``."""
        found: npt.NDArray[np.bool_] = np.logical_or.reduce([units == one for one in of])
        return found

    @staticmethod
    def _following(units: npt.NDArray[np.generic], places: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        """The unit after each place; the end of the data is a line end."""
        return np.where(places + 1 < len(units), units[np.minimum(places + 1, len(units) - 1)], _LF)

    def _walk(
        self, units: npt.NDArray[np.generic], places: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], list[int], int | None]:
        """One by one, for text with stray quotes: a quote inside an unquoted field is an ordinary character.

        A quoted field that goes over a line end and stops amid a text was never closed: what stops it is the next stray
        or opening quote, of another record. Its own record ends where the line with the quote does.

        :param places: of line ends and quotes
        """
        following = self._following(units, places)
        is_line, doubles = (units[places] == self._line_end).tolist(), (following == _QUOTE).tolist()
        opens = ((places == 0) | self._any(units[np.maximum(places - 1, 0)], self._edges)).tolist()
        closes, marks = self._any(following, self._edges).tolist(), places.tolist()
        ends: list[int] = []
        torn: list[int] = []
        quoted, crossed, skip, at = False, -1, -1, 0  # crossed: the mark of the first line end inside the quotes
        while at < len(marks):
            if is_line[at]:
                if not quoted:
                    ends.append(marks[at] + 1)
                elif crossed < 0:
                    crossed = at
            elif at == skip:
                pass
            elif not quoted:
                quoted, crossed = opens[at], -1
            elif doubles[at]:
                skip = at + 1
            else:
                quoted = False
                if crossed >= 0 and not closes[at]:
                    at, skip = crossed, -1
                    ends.append(marks[at] + 1)
                    torn.append(marks[at] + 1)
            at += 1
        return np.array(ends, np.int64), torn, ((ends[-1] if ends else 0) if quoted else None)


def blocks(file: IO[bytes], splitter: Splitter, first: bytes, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Blocks of about ``size`` bytes; ``first`` was read already and begins with a record."""
    rest, final = first, False
    while not final:
        part = file.read(size)
        final = not part
        data = rest + part if part else rest
        ends, torn = splitter.cut(data, final)
        if not len(ends):
            if len(data) > MAX_LINE_BYTES:
                raise Unreadable("record_too_long", f"lines of at most {MAX_LINE_BYTES >> 20} MiB")
            rest = data
            continue
        stop = int(ends[-1])
        rest = data[stop:]
        yield _block(data[:stop], ends, torn, splitter, final)


def _block(
    data: bytes, ends: npt.NDArray[np.int64], torn: npt.NDArray[np.bool_], splitter: Splitter, final: bool
) -> Block:
    starts = np.r_[0, ends[:-1]]
    kept = np.ones(len(ends), bool)
    blank = splitter.blank(data, starts, ends)
    kept[blank] = False
    gaps = bool((ends[blank] - starts[blank] > 2 * splitter.unit).any())
    unterminated = final and data[-splitter.unit :].strip(b"\x00") not in (b"\n", b"\r")
    begins = starts[kept]
    starts = begins.copy()
    if len(starts):
        starts[0] = 0  # blank lines before the first record of a block go with it
    return Block(data, starts, begins, ends[kept], gaps, torn[kept], final, unterminated)
