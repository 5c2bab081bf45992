"""Delimited text, plain or gzipped: comma, tab, semicolon or bar, in UTF-8, GB18030 or UTF-16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from wellhouse.ingest import header, records, sniff
from wellhouse.ingest.blocks import BLOCK_BYTES, Splitter, blocks
from wellhouse.ingest.footers import Footers
from wellhouse.ingest.formats import Piece
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.sniff import Text

_WIDE, _WIDE_BYTES = 20, 512 << 10
"""From so many columns a record is many results: smaller blocks hold as many."""


@contextmanager
def opened(path: Path, mapping: Mapping) -> Iterator[Delimited]:
    """
    :raises Unreadable: empty, not text, or a broken gzip stream
    """
    text = sniff.text(path)
    with sniff.open_bytes(path, text.gzipped) as file:
        with sniff.complete(text.gzipped):
            first = sniff.read_up_to(file, sniff.SAMPLE_BYTES)
        found = header.find(text, first, mapping)
        below = mapping.footers
        yield Delimited(text, found.header, found.delimiter, first[: found.stop], first[found.stop :], file, below)


@dataclass(frozen=True)
class Delimited:
    """``rest``: bytes after the header that were read already."""

    text: Text
    header: Header
    delimiter: str
    head: bytes
    rest: bytes
    file: IO[bytes]
    below: Footers

    @property
    def encoding(self) -> str:
        return self.text.encoding + ("-sig" if self.text.bom else "")

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        columns = [str(i) for i in range(len(self.header.names))]
        names = [str(i) for i in sorted(wanted)]
        size = _WIDE_BYTES if len(wanted) > _WIDE else BLOCK_BYTES
        cut = blocks(self.file, Splitter(self.text.encoding, self.delimiter, self.text.line_end), self.rest, size)
        while True:
            with sniff.complete(self.text.gzipped):
                block = next(cut, None)
            if block is None:
                return
            if names:
                read = records.parse(block, self.text.encoding, self.delimiter, columns, names, self.below)
                yield Piece(block.data, block.starts, read.table, read.good, read.bad)
            else:
                yield Piece(block.data, block.starts, pa.table({}), np.empty(0, np.int64), [])
