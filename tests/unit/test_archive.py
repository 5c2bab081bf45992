"""Archives: members are files, names are Chinese, and what is unsafe is refused before anything is read."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from wellhouse.ingest import archive
from wellhouse.ingest.sniff import Unreadable

ROWS = "体检编号,身份证号\ne1,x\n".encode()


def write(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return path


def read(path: Path) -> list[tuple[str, bytes]]:
    assert archive.is_archive(path)
    with archive.opened(path) as members:
        return [(m.name, m.path.read_bytes()) for m in members]


def test_every_member_is_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", **{"a/b.csv": ROWS, "c.csv": b"x", "__MACOSX/._b": b"j", "d/.DS_Store": b"j"})
    assert read(path) == [("b.csv", ROWS), ("c.csv", b"x")]


def test_names_in_gb18030_are_read_as_such(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", AAAAAAAA=ROWS)
    path.write_bytes(path.read_bytes().replace(b"AAAAAAAA", "体检数据".encode("gb18030")))
    assert read(path) == [("体检数据", ROWS)]


def test_a_workbook_is_no_archive(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", **{"[Content_Types].xml": b"", "xl/workbook.xml": b""})
    assert not archive.is_archive(path)
    (tmp_path / "a.csv").write_bytes(ROWS)
    assert not archive.is_archive(tmp_path / "a.csv")


def test_a_workbook_in_an_archive_is_a_member(tmp_path: Path) -> None:
    book = io.BytesIO()
    openpyxl.Workbook().save(book)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a.xlsx", book.getvalue())
    assert read(path) == [("a.xlsx", book.getvalue())]


def traversal(path: Path) -> None:
    write(path, **{"ok.csv": ROWS, "../../etc/cron.d/x": ROWS})


def backslash(path: Path) -> None:
    write(path, **{"a\\..\\..\\x.csv": ROWS})


def absolute(path: Path) -> None:
    write(path, **{"/etc/x.csv": ROWS})


def drive(path: Path) -> None:
    write(path, **{"C:\\x.csv": ROWS})


def nested(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr("x.csv", ROWS)
    write(path, **{"inner.dat": inner.getvalue()})


def locked(path: Path) -> None:
    write(path, **{"x.csv": ROWS})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for n in range(5):
            with target.open(f"{n}.csv", "w") as member:
                for _ in range(250):
                    member.write(bytes(1 << 20))


def claims_little(path: Path) -> None:
    """A megabyte that says it is ten bytes."""
    write(path, **{"x.csv": b"a,b\n" * (1 << 18)})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + offset
        data[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(data)


def truncated(path: Path) -> None:
    write(path, **{"x.csv": ROWS * 999})
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("x.csv", ROWS * 999)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    write(path)


def large(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target, target.open("x", "w") as member:
        for _ in range(513):
            member.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("make", "reason"),
    [(traversal, "unsafe_path"), (backslash, "unsafe_path"), (absolute, "unsafe_path"), (drive, "unsafe_path"),
     (nested, "nested_archive"), (locked, "encrypted_archive"), (bomb, "compression_bomb"),
     (claims_little, "broken_archive"), (truncated, "broken_archive"), (flipped, "broken_archive"),
     (empty, "empty_file"), (large, "member_too_large")],
)  # fmt: skip
def test_an_unsafe_archive_has_one_reason(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    path = tmp_path / "a.zip"
    make(path)
    with pytest.raises(Unreadable) as refused:
        read(path)
    assert refused.value.reason == reason


def test_nothing_is_written_where_it_would_lie_in_clear(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", **{"b.csv": ROWS})
    with archive.opened(path) as members:
        for member in members:
            assert str(member.path.resolve()).startswith("/memfd:")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]
