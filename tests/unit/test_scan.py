"""The scan for plaintext finds what is there, in every form, and nothing else; and it never says what it found."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest
import zstandard

from wellhouse.errors import WellhouseError
from wellhouse.ops import canaries
from wellhouse.ops.scan import Scanner

NAME, NUMBER, ADDRESS = "欧阳慧敏", "330102198803072345", "杭州市西湖区文三路 998 号 7 幢 1203 室"


def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/inside.csv", f"a,b\n{text},1\n" * 50)
    return out.getvalue()


def workbook(text: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["姓名", text])
    book.save(out)
    return out.getvalue()


def pdf(text: str) -> bytes:
    packed = zlib.compress(f"BT ({text}) Tj ET".encode())
    return b"%PDF-1.7\n1 0 obj\n<< /Filter /FlateDecode >>\nstream\n" + packed + b"\nendstream\nendobj\n"


FORMS: dict[str, Callable[[str], bytes]] = {
    **{encoding: (lambda text, e=encoding: text.encode(e)) for encoding in canaries.ENCODINGS},
    **{f"base64 {n}": (lambda text, n=n: base64.b64encode(b"x" * n + text.encode() + b"yz")) for n in range(3)},
    "base64 url": lambda text: base64.urlsafe_b64encode(text.encode("gb18030")),
    "hex": lambda text: text.encode().hex().encode(),
    "hex upper": lambda text: text.encode("gb18030").hex().upper().encode(),
    "json": lambda text: json.dumps({"name": text}).encode(),
    "url": lambda text: quote(text).encode(),
    "gzip": lambda text: gzip.compress(text.encode("gb18030") * 40),
    "zip": zipped,
    "zstd": lambda text: zstandard.compress(text.encode() * 40),
    "xlsx": workbook,
    "pdf": pdf,
    "gzip of zip of base64": lambda text: gzip.compress(zipped(base64.b64encode(text.encode()).decode())),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("canary", [NAME, NUMBER, ADDRESS])
def test_every_form_is_found_and_named_by_number_and_place(tmp_path: Path, form: str, canary: str) -> None:
    before = os.urandom(70_001)
    (tmp_path / "page").write_bytes(before + FORMS[form](canary) + os.urandom(5000))
    scanner = Scanner({7: canary})
    scanner.folder(tmp_path)
    assert scanner.found.files == 1
    assert {hit.canary_id for hit in scanner.found.hits} == {7}
    bare = [hit for hit in scanner.found.hits if hit.path == "page"]
    assert all(hit.offset >= len(before) for hit in bare)
    assert bare or all(hit.path.startswith("page!") for hit in scanner.found.hits)
    assert canary not in repr(scanner.found.document())


def test_a_canary_across_two_reads_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellhouse.ops.scan._CHUNK", 1000)
    for place in range(960, 1010):
        (tmp_path / "page").write_bytes(b"\0" * place + NUMBER.encode() + b"\0" * 3000)
        scanner = Scanner({1: NUMBER})
        scanner.folder(tmp_path)
        assert [(hit.offset, hit.canary_id) for hit in scanner.found.hits] == [(place, 1)]


def test_noise_holds_no_canary(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(64 << 20))
    scanner = Scanner({n: f"{NAME}{n}" for n in range(1000)} | {1000 + n: f"张小{n:02d}" for n in range(100)})
    scanner.folder(tmp_path)
    assert scanner.found.hits == []
    assert scanner.found.bytes == 64 << 20


def test_a_name_of_a_file_is_looked_at_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / f"report_{NUMBER}.pdf").write_bytes(b"x")
    scanner = Scanner({3: NUMBER})
    scanner.folder(tmp_path)
    assert [(hit.path, hit.offset, hit.canary_id) for hit in scanner.found.hits] == [("(name withheld)", -1, 3)]


def test_what_could_not_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").write_bytes(b"x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    scanner = Scanner({1: NUMBER})
    monkeypatch.setattr(Path, "open", refuse)
    scanner.folder(tmp_path)
    assert scanner.found.unreadable == ["locked"]


@pytest.mark.parametrize("text", ["", "\n\n", "张三\n1234\n"])
def test_a_list_that_proves_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "canaries.txt").write_text(text, encoding="utf-8")
    with pytest.raises(WellhouseError):
        canaries.read(tmp_path / "canaries.txt")


def test_the_command_says_where_and_never_what(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "log").write_text(f"loading {NUMBER}", encoding="utf-8")
    (tmp_path / "canaries.txt").write_text(f"{NAME}\n{NUMBER}\n", encoding="utf-8")
    command = ["wellhouse", "scan", str(tmp_path / "canaries.txt"), str(tmp_path / "var")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["hits"] == [{"path": "log", "offset": 8, "canary_id": 2}]
    assert (answer["files"], answer["bytes"]) == (1, 26)
    assert NUMBER not in done.stdout + done.stderr
    (tmp_path / "var" / "log").unlink()
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
