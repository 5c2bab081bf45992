"""What a file is before its records are read: hash, compression, encoding, delimiter."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

SAMPLE_BYTES = 256 << 10
ZIP, EMPTY_ZIP = b"PK\x03\x04", b"PK\x05\x06"
OLE = b"\xd0\xcf\x11\xe0"
"""A workbook of Excel 97 (.xls), or one with a password: neither is read, and says so."""
BLANKS = b" \t\r\n\xef\xbb\xbf"
"""What may stand before the first character that says something."""
_UNPACKED_BYTES = 1 << 30
_RATIO = 200
"""A gzip stream that unpacks to more than both is no export: text packs to a tenth."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
DELIMITERS = ",\t;|"
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


class Unreadable(ValueError):
    """The file as a whole cannot be read; ``reason`` is a code of docs/data_formats.md."""

    def __init__(self, reason: str, expected: str, field: str | None = None, rows: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.expected, self.field, self.rows = reason, expected, field, rows


@dataclass(frozen=True)
class Text:
    """How to turn the bytes into text; ``head`` is the decoded beginning without the byte order mark."""

    gzipped: bool
    encoding: str
    bom: bytes
    head: str

    @property
    def line_end(self) -> str:
        """The last character of a line: old programs end theirs with a carriage return alone."""
        return "\r" if "\r" in self.head and "\n" not in self.head else "\n"


@dataclass(frozen=True)
class Digest:
    """SHA-256 of a file's bytes as they are; ``size`` and ``changed_ns``: the file as it was when it was hashed."""

    size: int
    changed_ns: int
    sha256: str

    def is_of(self, path: Path) -> bool:
        """Whether the file is still as it was."""
        now = path.stat()
        return (self.size, self.changed_ns) == (now.st_size, now.st_mtime_ns)


def digest(path: Path) -> Digest:
    """The file's hash, in pieces of which none keeps the interpreter: another thread goes on meanwhile."""
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        return Digest(before.st_size, before.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())


def open_bytes(path: Path, gzipped: bool) -> IO[bytes]:
    return cast(IO[bytes], _Unpacked(path) if gzipped else path.open("rb", buffering=0))


class _Unpacked(gzip.GzipFile):
    """A gzip stream that stops when it turns out to be a bomb."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._most = max(_UNPACKED_BYTES, _RATIO * path.stat().st_size)
        self._given = 0

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self._given += len(part)
        if self._given > self._most:
            raise Unreadable("compression_bomb", f"a gzip file that unpacks to less than {_RATIO} times its size")
        return part


@contextmanager
def complete(gzipped: bool) -> Iterator[None]:
    """A gzip stream that breaks off makes the file unreadable; other errors are the machine's.

    :raises Unreadable: it breaks off
    """
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        if gzipped:
            raise Unreadable("truncated_gzip", "a complete gzip file") from error
        raise


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def head(path: Path, size: int) -> bytes:
    """The first unpacked bytes; of a broken gzip stream none."""
    try:
        with open_bytes(path, is_gzip(path)) as file:
            return read_up_to(file, size)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b""


def text(path: Path) -> Text:
    """Look at the beginning of a file.

    :raises Unreadable: empty, not text, or a broken gzip stream.
    """
    gzipped = is_gzip(path)
    with complete(gzipped), open_bytes(path, gzipped) as file:
        head = read_up_to(file, SAMPLE_BYTES)
    whole = len(head) < SAMPLE_BYTES
    bom, encoding = next(((b, e) for b, e in _BOMS if head.startswith(b)), (b"", ""))
    body = head[len(bom) :]
    if bom == codecs.BOM_UTF8 and _errors(body, "utf-8", whole)[0] * 50 > _errors(body, "utf-8", whole)[1]:
        raise Unreadable("wrong_encoding", "text in UTF-8, as its byte order mark says")
    if not body.strip(b"\x00 \t\r\n"):
        if not body.strip() and whole:
            raise Unreadable("empty_file", "a header and records", rows=0)
        raise Unreadable("not_text", "a text file in UTF-8, GB18030 or UTF-16")
    encoding = encoding or _guess(body, whole)
    decoded = codecs.getincrementaldecoder(encoding)("replace").decode(body, whole)
    if len(_CONTROL.findall(decoded)) > len(decoded) // 1000:
        raise Unreadable("not_text", "a text file in UTF-8, GB18030 or UTF-16")
    return Text(gzipped, encoding, bom, decoded)


def delimiter(header: str) -> str:
    """The delimiter of a header line: the candidate that stands in it most often outside quotes."""
    bare = re.sub('"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def read_up_to(file: IO[bytes], size: int) -> bytes:
    """The next ``size`` bytes, fewer only at the end."""
    parts, left = [], size
    while left and (part := file.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _guess(body: bytes, whole: bool) -> str:
    even, odd = body[0::2].count(0), body[1::2].count(0)
    if max(even, odd) > len(body) // 8:
        return "utf-16-be" if even > odd else "utf-16-le"
    utf8, utf8_wide = _errors(body, "utf-8", whole)
    if utf8 * 50 <= utf8_wide:
        return "utf-8"
    gb, gb_wide = _errors(body, "gb18030", whole)
    if gb * 50 <= gb_wide:
        return "gb18030"
    if min(utf8, gb) * 50 > len(body):
        raise Unreadable("not_text", "a text file in UTF-8, GB18030 or UTF-16")
    return "utf-8" if utf8 <= gb else "gb18030"


def _errors(body: bytes, encoding: str, whole: bool) -> tuple[int, int]:
    """(undecodable places, characters beyond ASCII)."""
    decoded = codecs.getincrementaldecoder(encoding)("replace").decode(body, whole)
    return decoded.count("�"), sum(1 for c in decoded if c > "\x7f")
