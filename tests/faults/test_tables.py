"""Hostile and damaged tables at full size: refused or read within bounded time and memory, nothing lost.

How long the damaging goes on is set by ``WELLHOUSE_FAULTS_SECONDS`` (a format; 60).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.fixtures.mutations import SEEDS, damaged, holds
from wellhouse.ingest import mapping
from wellhouse.settings import PROJECT_ROOT

EXAM = mapping.read(PROJECT_ROOT / "mappings/exam.yaml")
SECONDS = float(os.environ.get("WELLHOUSE_FAULTS_SECONDS", "60"))
MEMORY = 1 << 30
HEADER = "体检编号,姓名,身份证号,体检日期,收缩压(mmHg)\n"
ROW = "e1,张三,11010519491231002X,2024-03-05,120\n"


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_files_are_read_or_refused_for_as_long_as_it_takes(seed: str, tmp_path: Path) -> None:
    good = SEEDS[seed]()
    number = random.SystemRandom().randrange(10**9)
    draw = random.Random(number)  # noqa: S311
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        data = damaged(good, draw)
        try:
            holds(data, EXAM)
        except BaseException:
            kept = tmp_path / f"{seed}_{number}"
            kept.write_bytes(data)
            pytest.fail(f"this file is neither read nor refused: {kept}", pytrace=True)


def endless_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for _ in range(1024):
            file.write(b"1,2,3,4," * (1 << 17))


def endless_quote(path: Path) -> None:
    with path.open("wb") as file:
        file.write((HEADER + '"').encode())
        for _ in range(1024):
            file.write(b"1,2,3,4,5\n" * 100_000)


def endless_nul(path: Path) -> None:
    with path.open("wb") as file:
        file.write((HEADER + ROW * 9000).encode())
        file.truncate(1 << 30)


def only_quotes(path: Path) -> None:
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for _ in range(64):
            file.write(b'"' * (1 << 20))


def endless_object(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'[{"a": "')
        for _ in range(1024):
            file.write(b"x" * (1 << 20))


def deep_json(path: Path) -> None:
    path.write_bytes(b'{"a": 1}\n' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"\n")


def gzip_bomb(path: Path) -> None:
    member = gzip.compress(b"a,b,c,d\n" * (1 << 22))
    path.write_bytes(member * 320)  # 10 GiB


def workbook_bomb(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.strip().split(","))
    book.save(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet9.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(2048):
            part.write(b"<row>" + b" " * (1 << 20))


def far_corner(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.strip().split(","))
    book.active.cell(1_048_576, 16_384, 1)
    book.save(path)


HOSTILE: dict[Callable[[Path], None], tuple[str, ...]] = {
    endless_line: ("record_too_long",),
    endless_quote: ("read",),
    endless_nul: ("record_too_long",),
    only_quotes: ("read", "record_too_long"),
    endless_object: ("record_too_long",),
    deep_json: ("read",),
    gzip_bomb: ("compression_bomb",),
    workbook_bomb: ("compression_bomb",),
    far_corner: ("compression_bomb",),
}
_READS = """
import sys
from pathlib import Path
from wellhouse.ingest import formats, mapping
from wellhouse.ingest.sniff import Unreadable
path = Path(sys.argv[1])
try:
    with formats.open_source(path, formats.detect(path), mapping.read(Path(sys.argv[2]))) as source:
        for piece in source.pieces(set(range(len(source.header.names)))):
            pass
    print("read")
except Unreadable as refused:
    print(refused.reason)
"""


@pytest.mark.parametrize("make", HOSTILE, ids=lambda f: f.__name__)
def test_hostile_files_cost_bounded_time_and_memory(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "file"
    make(path)
    command = [sys.executable, "-c", _READS, str(path), str(PROJECT_ROOT / "mappings/exam.yaml")]
    begun = time.monotonic()
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    said = reader.stdout.read().strip() if reader.stdout else ""
    _, status, used = os.wait4(reader.pid, 0)
    seconds = time.monotonic() - begun
    print(json.dumps({"file": make.__name__, "said": said, "seconds": round(seconds, 1), "peak_kib": used.ru_maxrss}))
    assert os.waitstatus_to_exitcode(status) == 0
    assert said in HOSTILE[make]
    assert used.ru_maxrss << 10 < MEMORY
    assert seconds < 240
