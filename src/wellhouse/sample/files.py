"""A file of the sample: its header, rows, and how it is written."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from wellhouse.sample import forms

ENCODINGS = {"hz": "gb18030", "sh": "utf-8-sig", "cd": "utf-16-le"}
"""Of exam files; every other file is UTF-8."""
_FORMS = {("cd", "exam", 2020): "xlsx", ("sh", "follow_up", 2020): "jsonl", ("hz", "consultation", 2020): "json"}
"""Of the few files that are no delimited text."""


@dataclass
class SampleFile:
    """One file. Per row: its cells, ``record`` (the exam, response … it belongs to), ``results`` (result cells in it).

    ``broken``: row index → what is wrong with it.
    """

    site: str
    source: str
    year: int
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    record: list[str] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)

    @property
    def form(self) -> str:
        return _FORMS.get((self.site, self.source, self.year), "csv")

    @property
    def encoding(self) -> str | None:
        """None: a workbook has none of its own."""
        if self.form == "xlsx":
            return None
        return ENCODINGS[self.site] if self.source == "exam" else "utf-8"

    @property
    def delimiter(self) -> str:
        return "\t" if self.encoding == "utf-16-le" else ","

    @property
    def name(self) -> str:
        """Path below the output folder."""
        return f"{self.site}/{self.source}/{self.source}_{self.year}.{self.form}"

    def add(self, row: list[str], record: str, results: int = 0) -> None:
        self.rows.append(row)
        self.record.append(record)
        self.results.append(results)

    def insert(self, place: int, row: list[str], record: str, results: int, kind: str) -> None:
        """A broken row before row ``place``; the places of the others move on."""
        self.rows.insert(place, row)
        self.record.insert(place, record)
        self.results.insert(place, results)
        self.broken = {i + (i >= place): k for i, k in self.broken.items()} | {place: kind}

    def write(self, folder: Path) -> None:
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._bytes())

    def _bytes(self) -> bytes:
        if self.form == "xlsx":
            return forms.xlsx(f"{self.year}年度体检数据", self.header, self.rows)
        if self.form != "csv":
            return forms.objects(self.header, self.rows, lines=self.form == "jsonl")
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n" if self.source == "exam" else "\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        bom = codecs.BOM_UTF16_LE if self.encoding == "utf-16-le" else b""
        return bom + text.getvalue().encode(self.encoding or "utf-8")

    def truth(self) -> dict[str, object]:
        """What a test may expect of this file; row numbers count data rows from 1. Nothing personal."""
        places: dict[str, list[int]] = {}
        for index, kind in sorted(self.broken.items()):
            places.setdefault(kind, []).append(index + 1)
        in_broken: Counter[str] = Counter()
        for index, kind in self.broken.items():
            in_broken[kind] += self.results[index]
        return {
            "path": self.name,
            "site": self.site,
            "source": self.source,
            "year": self.year,
            "encoding": self.encoding,
            "rows": len(self.rows),
            "records": len(set(self.record)),
            "observations": sum(self.results),
            "defects": {kind: len(rows) for kind, rows in places.items()},
            "defect_rows": places,
            "observations_in_defect_rows": dict(sorted(in_broken.items())),
        }
