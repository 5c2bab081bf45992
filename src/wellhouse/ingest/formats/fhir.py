"""FHIR R4 in JSON: a Bundle, a single resource, or NDJSON of either; plain or gzipped.

A record is a Bundle's entry, or a resource on its own. Every file is read twice, first for what resources refer to
(patients, visits, questionnaires, deletions), so that it may stand anywhere in the file. NDJSON of any size is read in
pieces; any other JSON is held in memory and may not exceed ``MAX_DOCUMENT_BYTES``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from wellhouse.ingest import sniff
from wellhouse.ingest.formats import Also, Piece
from wellhouse.ingest.formats import fhir_cut as cut
from wellhouse.ingest.formats import fhir_types as fhir
from wellhouse.ingest.formats.fhir_cut import BROKEN, Flaw, Record
from wellhouse.ingest.formats.fhir_people import Register, Unresolved
from wellhouse.ingest.formats.fhir_rows import PARTS, Reader, Refused, Rows, header, nothing
from wellhouse.ingest.header import Header
from wellhouse.ingest.mapping import Mapping
from wellhouse.ingest.sniff import Unreadable

_REFERRED_TO = re.compile(rb'"resourceType"\s*:\s*"(?:Patient|Encounter|Questionnaire|Bundle)"')
NUL = b"\\u0000"
"""How JSON writes a character that no database takes."""
_whose = msgspec.json.Decoder(fhir.Whose).decode
_resource = msgspec.json.Decoder(fhir.Resource).decode


def looks_like(head: bytes) -> bool:
    """Whether a file that begins so is FHIR."""
    head = head.removeprefix(cut.BOM).lstrip(cut.BLANK)
    return head.startswith(b"{") and b'"resourceType"' in head


@contextmanager
def opened(path: Path, mapping: Mapping) -> Iterator[Fhir]:
    """
    :raises Unreadable: empty, no JSON, too large a document, a broken gzip stream, or a source FHIR does not have
    """
    if mapping.source not in PARTS:
        raise Unreadable("unsupported_source", f"a source that FHIR holds: {', '.join(PARTS)}")
    gzipped = sniff.is_gzip(path)
    reader = Reader(Register(mapping.own_authorities, mapping.fhir_server), frozenset(mapping.codes))
    if cut.is_lines(path, gzipped):
        for chunk in cut.chunks(path, gzipped):
            _register(reader, list(_referred_to(chunk)))
        yield Fhir(mapping.source, reader, b"", partial(_of_lines, path, gzipped))
        return
    data = cut.whole(path, gzipped)
    body = data.removeprefix(cut.BOM)
    if not body.strip():
        raise Unreadable("empty_file", "at least one resource", rows=0)
    try:
        found = cut.records(body)
    except BROKEN as error:
        raise Unreadable(*cut.flaw(error)) from None
    if not found:
        reason, expected = cut.NO_ENTRY
        raise Unreadable(reason, expected, rows=0)
    _register(reader, found)
    first = len(data) - len(body) + found[0].start
    yield Fhir(mapping.source, reader, data[:first], partial(_in_pieces, data, first, found))


def _referred_to(chunk: bytes) -> Iterator[Record]:
    """The records of the lines that may be what others refer to."""
    end = 0
    for match in _REFERRED_TO.finditer(chunk):
        if match.start() >= end:
            start = chunk.rfind(b"\n", 0, match.start()) + 1
            end = chunk.find(b"\n", match.end())
            end = len(chunk) if end < 0 else end
            yield from cut.records_of_lines(chunk[start:end])


def _register(reader: Reader, found: list[Record]) -> None:
    """Remember what other records may refer to; what cannot be read says so when its turn comes."""
    for record in reversed(found) if found and found[0].history else found:
        if record.resource is not None:
            try:
                if cut.kind(record.resource).resourceType in ("Patient", "Encounter", "Questionnaire"):
                    reader.remember(_resource(record.resource), record.full_url)
            except BROKEN:
                continue
    if any(_deletes(record) for record in found):
        _withdraw(reader, found)


def _deletes(record: Record) -> bool:
    return record.resource is None and record.request is not None and record.request.method == "DELETE"


def _withdraw(reader: Reader, found: list[Record]) -> None:
    """What the document deletes of its own resources; in a history, which has the newest first, it may be back."""
    held: set[str] = set()
    for record in found:
        if _deletes(record) and record.request is not None:
            url = record.request.url or ""
            reader.deletions.add(url)
            if not (record.history and url in held):
                reader.withdrawn.add(url)
        elif record.resource is not None:
            with suppress(*BROKEN):
                kind = cut.kind(record.resource)
                held.add(f"{kind.resourceType}/{kind.id}")
    reader.deletions &= held


@dataclass
class Fhir:
    """An open file. ``cut``: its bytes in pieces, with the records of each."""

    source: str
    reader: Reader
    head: bytes
    cut: Callable[[], Iterator[tuple[bytes, list[Record]]]]

    encoding = "utf-8"

    @property
    def header(self) -> Header:
        return header(self.source)

    def pieces(self, wanted: set[int]) -> Iterator[Piece]:
        for data, found in self.cut():
            if wanted:
                yield self._piece(data, found)
            else:
                starts = np.array([record.start for record in found], np.int64)
                yield Piece(data, starts, *nothing(self.source), [], record_is_row=False)

    def _piece(self, data: bytes, found: list[Record]) -> Piece:
        rows, refused = Rows(), Rows()
        bad: list[tuple[int, str, str]] = []
        told: list[int] = []
        nul = NUL in data
        for index, record in enumerate(found):
            try:
                told += [] if self._read(rows, index, record) else [index]
                if nul and rows.holds(index, "\x00"):
                    raise Refused("nul_character", "text without NUL characters")
            except (Refused, Unresolved) as error:
                rows.drop(index)
                bad.append((index, error.reason, error.expected))
                self._refused(refused, index, record)
            except BROKEN as error:
                rows.drop(index)
                bad.append((index, *_flaw(record, error)))
                self._refused(refused, index, record)
        tables = {source: (table, good) for source, table, good in rows.tables()}
        table, good = tables.pop(self.source) if self.source in tables else nothing(self.source)
        also = tuple(Also(source, header(source), *made) for source, made in tables.items())
        starts = np.array([record.start for record in found], np.int64)
        return Piece(
            data, starts, table, good, bad, np.array(told, np.int64), np.full(len(told), -1, np.int64), also=also,
            whose=next((Also(source, header(source), *made) for source, *made in refused.tables()), None),
            record_is_row=False,
        )  # fmt: skip

    def _refused(self, refused: Rows, index: int, record: Record) -> None:
        """Note whom a refused record is about, if that can be told."""
        if record.resource is not None:
            with suppress(*BROKEN, Unresolved):
                said = _whose(record.resource)
                subject = said.subject or said.patient
                if subject is not None and subject.reference is not None:
                    person = self.reader.register.resolve(subject, record.full_url, said.contained)
                    refused.tuples["person"].append((index, person))

    def _read(self, rows: Rows, index: int, record: Record) -> bool:
        """Whether it is anybody's; a Questionnaire and a deletion are not.

        :raises Refused, Unresolved, BROKEN: it is no record
        """
        if record.flaw is not None:
            raise Refused(*record.flaw)
        if record.resource is None:
            if _deletes(record) and record.request is not None and record.request.url in self.reader.deletions:
                return False
            if _deletes(record):
                raise Refused(
                    "unknown_target", "a deletion of a resource of this file; else send it as entered-in-error"
                )
            raise Refused("no_resource", "an entry with a resource")
        resource = _resource(record.resource)
        if isinstance(resource, fhir.Questionnaire):
            return False
        self.reader.read(rows, index, resource, record.full_url)
        return True


def _flaw(record: Record, error: Exception) -> Flaw:
    """A type that is not taken looks to the decoder like a wrong value: say which of the two it is."""
    if isinstance(error, msgspec.ValidationError) and record.resource is not None:
        with suppress(*BROKEN):
            kind = cut.kind(record.resource).resourceType
            if kind is None:
                return "malformed_resource", "a resourceType"
            if kind not in fhir.TAKEN:
                return "unsupported_resource", f"one of {', '.join(fhir.TAKEN)}"
    return cut.flaw(error)


def _of_lines(path: Path, gzipped: bool) -> Iterator[tuple[bytes, list[Record]]]:
    for chunk in cut.chunks(path, gzipped):
        found = list(cut.records_of_lines(chunk))
        if found:
            found[0] = found[0]._replace(start=0)  # blank lines before the first are its own
        yield chunk, found


def _in_pieces(data: bytes, first: int, found: list[Record]) -> Iterator[tuple[bytes, list[Record]]]:
    """A document from byte ``first`` on, cut before records; their places are counted from there."""
    shift = first - found[0].start
    begin = 0
    for i in range(1, len(found) + 1):
        stop = len(data) if i == len(found) else found[i].start + shift
        start = found[begin].start
        if i == len(found) or stop - start - shift >= cut.PIECE_BYTES:
            yield data[start + shift : stop], [r._replace(start=r.start - start) for r in found[begin:i]]
            begin = i
