"""A load's sealed bytes as a file again, in memory only: nothing of it is ever on disk in clear."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

from wellhouse.crypto.keyring import Keyring
from wellhouse.errors import WellhouseError
from wellhouse.files import in_memory
from wellhouse.ingest import formats
from wellhouse.ingest.batch import Ints
from wellhouse.ingest.file import unkeep
from wellhouse.ingest.formats import Source
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.sniff import Unreadable
from wellhouse.landing import originals
from wellhouse.landing.ledger import Entry

Run = tuple[int, int, bytes]


@dataclass(frozen=True)
class Sealed:
    """The originals of one load; ``folder``: where whole files are kept."""

    connection: psycopg.Connection
    keyring: Keyring
    folder: Path
    load_id: int
    entry: Entry

    def runs(self, rows: Collection[int] | None = None) -> list[Run]:
        """(first row, last row, bytes) of what holds ``rows``, or of everything; row 0 is what stands before row 1.

        :raises WellhouseError: the originals were kept no longer, or the persons were erased
        """
        found = list(originals.read(self.connection, self.keyring, self.load_id, rows))
        if not found:
            raise WellhouseError(f"no original of that record in load {self.load_id}: erased, or kept no longer")
        return found

    @contextmanager
    def whole(self) -> Iterator[Path | None]:
        """The file itself, where it was kept as such: refused as a whole, or written in a form that is not its records.

        None: it is made of its records.
        """
        kept = self.folder / f"{self.entry.sha256}.sealed"
        if kept.exists():
            with in_memory([unkeep(kept, self.keyring)]) as path:
                yield path
        else:
            yield None

    @contextmanager
    def opened(self, mapping: Mapping, rows: Collection[int] = ()) -> Iterator[tuple[Source, Ints]]:
        """A file of the records around ``rows``, or of all, and the row number that each record in it had.

        :raises WellhouseError: the bytes do not fall into the records they fell into when they were loaded
        """
        # the rows of a workbook were written as CSV
        form = "csv" if self.entry.format == "xlsx" else self.entry.format
        mapping = formats.adapted(form, mapping)
        problem = "do not fall into the records they were loaded as"
        for wanted in ([0, *rows], None) if rows else (None,):
            taken = self.runs(wanted)
            numbers = np.concatenate([np.arange(max(first, 1), last + 1) for first, last, _ in taken])
            numbers = numbers[numbers <= self.entry.rows.read]
            with in_memory(data for _, _, data in taken) as path:
                try:
                    same = _count(path, form, mapping) == len(numbers)
                except Unreadable as error:
                    problem = f"cannot be read under this mapping: {error.reason}, expected {error.expected}"
                    continue
                if same:
                    with formats.open_source(path, form, mapping) as source:
                        yield source, numbers
                    return
        raise WellhouseError(f"the originals of load {self.load_id} {problem}")


def _count(path: Path, form: str, mapping: Mapping) -> int:
    with formats.open_source(path, form, mapping) as source:
        return sum(len(piece.starts) for piece in source.pieces(set()))
