"""What was not taken, and why: reason codes of docs/data_formats.md, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from wellhouse.landing.tables import SCHEMAS

_EXAMPLES = 3


@dataclass
class Rejects:
    """Rejected records and cells of one block or file, as columns of ``quarantine.record``."""

    rows: list[int | None] = field(default_factory=list)
    fields: list[str | None] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    persons: list[int | None] = field(default_factory=list)

    def add(
        self, row: int | None, column: str | None, reason: str, expected: str, count: int = 1, person: int | None = None
    ) -> None:
        """Results of one record that are refused for the same reason, such as its person, stand in one line."""
        if row is not None and self.rows and (self.rows[-1], self.fields[-1], self.reasons[-1], self.persons[-1]) == (
            row, column, reason, person,
        ):  # fmt: skip
            self.counts[-1] += count
            return
        self.rows.append(row)
        self.fields.append(column)
        self.reasons.append(reason)
        self.expected.append(expected)
        self.counts.append(count)
        self.persons.append(person)

    def table(self, load_id: int) -> pa.Table:
        size = len(self.rows)
        return pa.table(
            [
                pa.array(np.full(size, load_id, np.int64)),
                pa.array(self.rows, pa.int32()),
                pa.array(self.fields, pa.string()),
                pa.array(self.reasons, pa.string()),
                pa.array(self.expected, pa.string()),
                pa.array(self.counts, pa.int64()),
                pa.array(self.persons, pa.int64()),
                pa.nulls(size, pa.binary()),
            ],
            schema=SCHEMAS["record"],
        )


@dataclass
class Summary:
    """A file's rejects in a few lines: the first examples of each reason, and how many there were."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[int | None, str | None, str]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What a reader should know of the file."""

    def add(self, rejects: Rejects) -> None:
        columns = zip(rejects.rows, rejects.fields, rejects.reasons, rejects.expected, rejects.counts, strict=True)
        for row, column, reason, expected, count in columns:
            self.counts[reason] += count
            shown = self.examples.setdefault(reason, [])
            if len(shown) < _EXAMPLES and (row, column, expected) not in shown:
                shown.append((row, column, expected))

    def lines(self, file: str) -> list[str]:
        """One line an example, ``file: row 7, field 身份证号: id_check_digit, expected …``; then how many more."""
        said = [f"{file}: {note}" for note in self.notes]
        for reason, shown in self.examples.items():
            for row, column, expected in shown:
                place = "" if row is None else f" row {row},"
                place += "" if column is None else f" field {column}:"
                said.append(f"{file}:{place} {reason}, expected {expected}")
            more = self.counts[reason] - len(shown)
            if more > 0 and shown[0][0] is not None:
                said.append(f"{file}: {reason}: {more} more")
        return said
