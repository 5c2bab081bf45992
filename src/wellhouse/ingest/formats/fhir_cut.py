"""FHIR bytes → records, each with its place in the bytes: a Bundle's entries, or a resource on its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from wellhouse.ingest import sniff
from wellhouse.ingest.formats import fhir_types as fhir
from wellhouse.ingest.sniff import Unreadable

PIECE_BYTES = 4 << 20
MAX_DOCUMENT_BYTES = 256 << 20
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"

kind = msgspec.json.Decoder(fhir.Kind).decode
_bundle = msgspec.json.Decoder(fhir.Bundle).decode
_entry = msgspec.json.Decoder(fhir.Entry).decode

Flaw = tuple[str, str]
"""(reason, expected)"""
NO_ENTRY: Flaw = ("no_records", "a Bundle with at least one entry")
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; msgspec's ValidationError is a DecodeError, too."""


class Record(NamedTuple):
    """``start``: where it begins in the bytes it was cut from; ``resource``: None where a flaw or a request is all."""

    start: int
    resource: bytes | msgspec.Raw | None
    full_url: str | None = None
    request: fhir.Request | None = None
    flaw: Flaw | None = None
    history: bool = False
    """One of many versions, newest first."""


def flaw(error: Exception) -> Flaw:
    """Why JSON is none, or is no FHIR; messages of the decoder name elements and types, never values."""
    if isinstance(error, msgspec.ValidationError):
        _, _, path = str(error).rpartition(" - at `$")
        return "malformed_resource", f"FHIR R4's type in {path.strip('.`') or 'the resource'}"
    if isinstance(error, RecursionError):
        return "too_deep", "JSON that is nested less deeply"
    if isinstance(error, UnicodeDecodeError):
        return "undecodable", "text in UTF-8"
    return "bad_json", "JSON of RFC 8259"


def records(document: bytes) -> list[Record]:
    """The records of one JSON document.

    :raises BROKEN: it is no JSON, or no resource
    """
    if kind(document).resourceType != "Bundle":
        return [Record(0, document)]
    bundle = _bundle(document)
    base = _address(document)
    return [_of_entry(raw, _address(raw) - base, bundle.type == "history") for raw in bundle.entry]


def _of_entry(raw: msgspec.Raw, start: int, history: bool) -> Record:
    try:
        entry = _entry(raw)
    except BROKEN as error:
        return Record(start, None, flaw=flaw(error))
    resource = entry.resource if len(memoryview(entry.resource)) else None
    return Record(start, resource, entry.fullUrl, entry.request, None, history)


def _address(data: bytes | msgspec.Raw) -> int:
    """Raw is a view of the bytes it was decoded from."""
    return int(np.frombuffer(data, np.uint8).__array_interface__["data"][0])


def whole(path: Path, gzipped: bool) -> bytes:
    """A file that is one document.

    :raises Unreadable: too large, or a broken gzip stream
    """
    with closing(sniff.open_bytes(path, gzipped)) as file, sniff.complete(gzipped):
        data = sniff.read_up_to(file, MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise Unreadable(
            "record_too_long", f"a JSON document of up to {MAX_DOCUMENT_BYTES >> 20} MiB, or NDJSON of any size"
        )
    return data


def is_lines(path: Path, gzipped: bool) -> bool:
    """NDJSON: more than one line, and one of the first is a resource by itself."""
    with closing(sniff.open_bytes(path, gzipped)) as file, sniff.complete(gzipped):
        head = sniff.read_up_to(file, PIECE_BYTES)
        while b"\n" not in head.lstrip(BLANK) and len(head) <= MAX_DOCUMENT_BYTES:
            more = sniff.read_up_to(file, PIECE_BYTES)
            if not more:
                return False
            head += more
    lines = [line for line in head.removeprefix(BOM).split(b"\n") if line.strip()]
    return len(lines) > 1 and any(_is_resource(line) for line in lines[:-1])


def _is_resource(line: bytes) -> bool:
    try:
        return kind(line).resourceType is not None
    except BROKEN:
        return False


def chunks(path: Path, gzipped: bool) -> Iterator[bytes]:
    """NDJSON in pieces of whole lines.

    :raises Unreadable: a line of absurd length, or a broken gzip stream
    """
    with closing(sniff.open_bytes(path, gzipped)) as file:
        carried = b""
        while True:
            with sniff.complete(gzipped):
                read = sniff.read_up_to(file, PIECE_BYTES)
            if not read:
                break
            end = read.rfind(b"\n") + 1
            if end:
                yield carried + read[:end]
                carried = b""
            carried += read[end:]
            if len(carried) > MAX_DOCUMENT_BYTES:
                raise Unreadable("record_too_long", f"lines of up to {MAX_DOCUMENT_BYTES >> 20} MiB")
        if carried:
            yield carried


def lines(chunk: bytes) -> Iterator[tuple[int, bytes]]:
    """(start, text) of the lines that are not blank."""
    start = len(BOM) if chunk.startswith(BOM) else 0
    while start < len(chunk):
        end = chunk.find(b"\n", start)
        end = len(chunk) if end < 0 else end
        line = chunk[start:end]
        if not line.isspace() and line:
            yield start, line
        start = end + 1


def records_of_lines(chunk: bytes) -> Iterator[Record]:
    """The records of a chunk; a line that is a Bundle is as many as it has entries, one that is broken is one."""
    for start, line in lines(chunk):
        if b'"Bundle"' not in line:
            yield Record(start, line)
            continue
        try:
            of_line = records(line)
        except BROKEN as error:
            yield Record(start, None, flaw=flaw(error))
            continue
        if not of_line:
            yield Record(start, None, flaw=NO_ENTRY)
        for number, record in enumerate(of_line):
            yield record._replace(start=start if number == 0 else start + record.start)
