"""Looks for plaintext in everything the product wrote to disk: one pass over each file, all spellings at once.

Compressed streams are opened wherever they begin, in a file or in one another: gzip, ZIP (and so XLSX), Zstandard, and
the streams of a PDF. A canary is never printed: it is known by its number.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from ahocorasick_rs import BytesAhoCorasick, Implementation

from wellhouse.errors import WellhouseError
from wellhouse.ops.canaries import spellings

_CHUNK = 8 << 20
_DEPTH = 4
_STREAM_BYTES = 1 << 30
"""What is unpacked of one stream at most."""
_MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"stream\r\n": "pdf",
    b"stream\n": "pdf",
}


@dataclass(frozen=True)
class Hit:
    """``path`` from the folder that was scanned, with ``!gzip@17`` for a stream inside; ``offset`` -1: in the name."""

    path: str
    offset: int
    canary_id: int


@dataclass
class Found:
    """``unreadable``: files that could not be looked into, so that nothing is known of them."""

    files: int = 0
    bytes: int = 0
    streams: int = 0
    unreadable: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON keys."""
        return vars(self) | {"hits": [vars(hit) for hit in self.hits]}


class Scanner:
    """All spellings of all canaries, ready to be found."""

    def __init__(self, canaries: dict[int, str]) -> None:
        owners: dict[bytes, int] = {}
        for number, canary in canaries.items():
            for spelling in spellings(canary):
                owners.setdefault(spelling, number)
        self._magic = list(_MAGIC.values())
        self._numbers = list(owners.values())
        patterns = [*_MAGIC, *owners]
        self._overlap = max(map(len, patterns)) - 1
        self._automaton = BytesAhoCorasick(patterns, implementation=Implementation.ContiguousNFA)
        self._names = BytesAhoCorasick(list(owners), implementation=Implementation.ContiguousNFA)
        self.found = Found()

    def folder(self, folder: Path, but: Path | None = None) -> None:
        """Every file below ``folder``; ``but``: the list of canaries itself.

        :raises WellhouseError: there is no such folder
        """
        if not folder.is_dir():
            raise WellhouseError(f"no folder {folder}")
        for path in _files(folder):
            if but is not None and path.exists() and path.samefile(but):
                continue
            name = self._name(folder, path)
            try:
                self._file(path, name)
            except FileNotFoundError:
                continue  # a running service took it away
            except (OSError, ValueError):
                self.found.unreadable.append(name)

    def _name(self, folder: Path, path: Path) -> str:
        """Where it is, for a reader; a name that holds a canary is a hit and is not repeated."""
        name = str(path.relative_to(folder))
        hits = self._names.find_matches_as_indexes(os.fsencode(name), overlapping=True)
        if hits:
            name = f"{path.parent.relative_to(folder)}/(name withheld)" if "/" in name else "(name withheld)"
        for pattern, _, _ in hits:
            self.found.hits.append(Hit(name, -1, self._numbers[pattern]))
        return name

    def _file(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.found.files += 1
            self.found.bytes += size
            if size:
                with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                    self._data((data[i : i + _CHUNK] for i in range(0, size, _CHUNK)), name, data, 0)

    def _data(self, chunks: Iterator[bytes], name: str, whole: mmap.mmap | None, depth: int) -> None:
        """Look through a stream; what it holds packed is looked through, too."""
        base, tail = 0, b""
        for chunk in chunks:
            window = tail + chunk
            start = base - len(tail)
            for pattern, begin, end in self._automaton.find_matches_as_indexes(window, overlapping=True):
                if end <= len(tail):
                    continue  # seen in the window before
                if pattern >= len(_MAGIC):
                    self.found.hits.append(Hit(name, start + begin, self._numbers[pattern - len(_MAGIC)]))
                elif depth < _DEPTH:
                    at = start + begin
                    rest = _from(whole, at) if whole is not None else iter([window[begin:]])
                    self._stream(self._magic[pattern], rest, f"{name}!{self._magic[pattern]}@{at}", depth + 1)
            base += len(chunk)
            tail = window[-self._overlap :]

    def _stream(self, kind: str, packed: Iterator[bytes], name: str, depth: int) -> None:
        unpacked = list(_first(_UNPACK[kind](packed)))
        if unpacked:
            self.found.streams += 1
            self._data(iter([b"".join(unpacked)]), name, None, depth)


def _first(parts: Iterator[bytes]) -> Iterator[bytes]:
    """What can be unpacked before it ends, breaks, or is more than anybody would keep."""
    size = 0
    try:
        for part in parts:
            size += len(part)
            yield part
            if size > _STREAM_BYTES:
                return
    except (zlib.error, zstandard.ZstdError, EOFError, ValueError, IndexError):
        return


def _from(data: mmap.mmap, at: int) -> Iterator[bytes]:
    return (data[i : i + _CHUNK] for i in range(at, len(data), _CHUNK))


def _inflated(packed: Iterator[bytes], bits: int, skip: int = 0) -> Iterator[bytes]:
    machine = zlib.decompressobj(bits)
    for part in packed:
        rest, skip = part[skip:], 0
        while rest:
            yield machine.decompress(rest, _CHUNK)
            rest = machine.unconsumed_tail
        if machine.eof:
            return


def _gzip(packed: Iterator[bytes]) -> Iterator[bytes]:
    return _inflated(packed, 31)


def _zip(packed: Iterator[bytes]) -> Iterator[bytes]:
    """One member, by its local header: deflated ones only, what is stored as it is was seen already."""
    first = next(packed)
    if int.from_bytes(first[8:10], "little") != zlib.DEFLATED:
        return
    skip = 30 + int.from_bytes(first[26:28], "little") + int.from_bytes(first[28:30], "little")
    yield from _inflated(_again(first, packed), -15, skip)


def _zstd(packed: Iterator[bytes]) -> Iterator[bytes]:
    machine = zstandard.ZstdDecompressor().decompressobj()
    for part in packed:
        yield machine.decompress(part)
        if machine.eof:
            return


def _pdf(packed: Iterator[bytes]) -> Iterator[bytes]:
    """A stream object: deflated, or none of ours."""
    first = next(packed)
    yield from _inflated(_again(first, packed), 15, first.index(b"\n") + 1)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


_UNPACK = {"gzip": _gzip, "zip": _zip, "zstd": _zstd, "pdf": _pdf}


def _files(folder: Path) -> Iterator[Path]:
    """Regular files, links not followed."""
    for at, folders, names in os.walk(folder, onerror=_refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(at) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise WellhouseError(f"a folder cannot be looked into: {error.strerror}")
