"""ZIP archives: every member is a file of its own; an archive that is unsafe is refused as a whole, before any is read.

Members are unpacked into memory, never to disk, where they would lie in clear.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wellhouse.files import in_memory
from wellhouse.ingest import sniff
from wellhouse.ingest.sniff import Unreadable

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 512 << 20
MAX_BYTES = 8 << 30
_RATIO, _RATIO_FROM = 200, 1 << 30
_CHUNK = 1 << 20
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\.[^/]*$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_WORKBOOK_PARTS = b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"customXml/"
_BROKEN = (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, OSError)


@dataclass(frozen=True)
class Member:
    """A file of an archive, open as ``path`` for as long as it is looked at."""

    name: str
    path: Path


def is_archive(path: Path) -> bool:
    """A ZIP file that is no workbook."""
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith((sniff.ZIP, sniff.EMPTY_ZIP)) and not _begins_a_workbook(head)


def _begins_a_workbook(head: bytes) -> bool:
    """By the name of the first part, which a broken one has, too."""
    length = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + length].startswith(_WORKBOOK_PARTS)


@contextmanager
def opened(path: Path) -> Iterator[Iterator[Member]]:
    """The members, one after the other.

    :raises Unreadable: broken, locked, larger than any export, or with members that point outside or hold archives
    """
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise Unreadable("broken_archive", "a complete ZIP archive") from error
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not _JUNK.search(name(m))]
        _within_limits(members, path.stat().st_size)
        for member in members:
            _whole(archive, member)
        if not members:
            raise Unreadable("empty_file", "an archive with files", rows=0)
        yield _unpacked(archive, members)


def name(member: zipfile.ZipInfo) -> str:
    """Chinese systems write names in GB18030 without saying so."""
    if member.flag_bits & _UTF8_NAME:
        return member.filename
    return member.filename.encode("cp437", "replace").decode("gb18030", "replace")


def _within_limits(members: list[zipfile.ZipInfo], packed: int) -> None:
    """By what the archive says of its members: none is ever unpacked beyond that."""
    total = sum(m.file_size for m in members)
    if len(members) > MAX_MEMBERS or total > MAX_BYTES or (total > _RATIO_FROM and total > _RATIO * packed):
        raise Unreadable(
            "compression_bomb", f"an archive of at most {MAX_MEMBERS:,} files and {MAX_BYTES >> 30} GiB unpacked"
        )
    for member in members:
        parts = PurePosixPath(name(member).replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or _DRIVE.match(name(member)):
            raise Unreadable("unsafe_path", "members whose names stay inside the archive")
        if member.flag_bits & _ENCRYPTED:
            raise Unreadable("encrypted_archive", "an archive without a password")
        if member.file_size > MAX_MEMBER_BYTES:
            raise Unreadable(
                "member_too_large", f"members of at most {MAX_MEMBER_BYTES >> 20} MiB; send larger ones as .gz"
            )


def _whole(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end, so that its check sum is compared before anything of the archive is loaded."""
    first = b""
    for chunk in _chunks(archive, member):
        first = first or chunk
    nested = first.startswith((sniff.ZIP, sniff.EMPTY_ZIP)) and not _begins_a_workbook(first)
    if nested or name(member).lower().endswith((".zip", ".rar", ".7z")):
        raise Unreadable("nested_archive", "files, not archives inside an archive")


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except _BROKEN as error:
        raise Unreadable("broken_archive", "a complete ZIP archive, stored or deflated") from error


def _unpacked(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[Member]:
    for member in members:
        with in_memory(_chunks(archive, member)) as path:
            yield Member(PurePosixPath(name(member).replace("\\", "/")).name, path)
