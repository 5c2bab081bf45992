"""Formats: each turns a file into pieces of whole records and, of each piece, a table of texts under one header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wellhouse.ingest import mapping as mappings
from wellhouse.ingest import sniff
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping

Ints = npt.NDArray[np.int64]
_JSON = re.compile(
    rb"""(?:\xef\xbb\xbf|\s)*(?:\{[\s"'}]|\[[\s{["'\]\w-])|(?:\xff\xfe)?(?:\s\x00)*[{[]\x00|(?:\xfe\xff)?(?:\x00\s)*\x00[{[]"""
)
"""Of any encoding; in UTF-16 a brace may be half of a Chinese character."""
_NOTHING: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Also:
    """Rows of a piece that are another source's: a FHIR file of exams holds questionnaires and persons, too."""

    source: str
    header: Header
    table: pa.Table
    good: Ints


@dataclass(frozen=True)
class Piece:
    """Some whole records of a file, in order.

    Record i is ``data[starts[i]:starts[i + 1]]``, byte for byte as it came. ``table`` has the wanted columns, named by
    their place in the header ("0", "1", …), all texts, never null; ``good`` says of each of its rows which record it is
    from: never decreasing; a message with many results repeats. ``bad``: (record, reason, expected) of records that are
    none. ``told``: records that say something of others' rows, such as a FHIR Patient, and ``told_of`` the row whose
    person each is about (-1: nobody's). ``refused``: (row of the table, role, reason, expected) of rows that cannot be
    read. ``notes``: what a reader should know of the file. ``rendered``: data was written from the file, not cut from
    it, so the file itself is kept. ``also``: rows of other sources. ``record_is_row``: a bad record was one row. Every
    record is in exactly one of bad, told and the rest: good, and good of ``also``.
    """

    data: bytes
    starts: Ints
    table: pa.Table
    good: Ints
    bad: list[tuple[int, str, str]]
    told: Ints = field(default_factory=lambda: _NOTHING)
    told_of: Ints = field(default_factory=lambda: _NOTHING)
    refused: list[tuple[int, str, str, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    rendered: bool = False
    also: tuple[Also, ...] = ()
    whose: Also | None = None
    record_is_row: bool = True


class Source(Protocol):
    """An open file. ``head``: the bytes before its first record."""

    @property
    def encoding(self) -> str | None: ...
    @property
    def header(self) -> Header: ...
    @property
    def head(self) -> bytes: ...

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        """The file's records. ``wanted``: places of the columns to read; none: the records are only cut, not read."""
        ...


def detect(path: Path) -> str:
    """The format of a file by its first bytes; what is nothing else is taken for delimited text."""
    from wellhouse.ingest.formats import fhir, hl7v2

    with path.open("rb") as file:
        if file.read(4) in (sniff.ZIP, sniff.OLE):
            return "xlsx"
    head = sniff.head(path, sniff.SAMPLE_BYTES)
    if hl7v2.looks_like(head):
        return "hl7v2"
    if fhir.looks_like(head):
        return "fhir"
    return "json" if _JSON.match(head) else "csv"


def open_source(path: Path, form: str, mapping: Mapping) -> AbstractContextManager[Source]:
    """The file read as what ``form`` names.

    :raises sniff.Unreadable: the file as a whole is none of that format
    """
    if form not in FORMATS:
        raise KeyError(form)
    # only this one: what others need takes a while to come up
    opened: Callable[[Path, Mapping], AbstractContextManager[Source]] = import_module(f"{__name__}.{form}").opened
    return opened(path, mapping)


def adapted(form: str, mapping: Mapping) -> Mapping:
    """The mapping of a file in this format: FHIR says itself what is what, and a mapping adds to that."""
    if form != "fhir":
        return mapping
    words = mapping.words | {"sex": {"male": "male", "female": "female"}}
    return replace(mapping, layout="long", observations=None, answers=(), outcomes=(), date_offset_days=None,
                   words=words)  # fmt: skip


def also(root: Path, source: str, main: Mapping, site: str) -> Mapping:
    """The mapping of what a FHIR file holds besides its main source."""
    if source == "person":
        return replace(main, source=source, key="", fields=())
    return adapted("fhir", mappings.choose(root, source, site))


FORMATS = ("csv", "xlsx", "json", "fhir", "hl7v2")
