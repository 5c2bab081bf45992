"""A thousand summaries by a few orders: every number against the marts, PDF/A, the same bytes again, flat memory."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from tests.printed import flaws, numbers_of, text_of
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

READERS = {"analyst_hz": "hz", "analyst_sh": "sh"}
YEARS, WANTED = range(2019, 2025), 1_000


def order(folder: Path, username: str, year: int, limit: int = WANTED) -> tuple[list[dict[str, str]], int]:
    """The files of the manifest, and the most memory that the command took, in KiB."""
    whose = ["--site", READERS[username], "--year", str(year), "--as", username, "--limit", str(limit)]
    command = ["wellhouse", "summaries", *whose, "--lang", "zh", "--output", str(folder), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return json.loads((folder / "manifest.json").read_text())["files"], used.ru_maxrss


@pytest.fixture(scope="module")
def readers(built: Settings) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)


@pytest.mark.usefixtures("readers")
def test_a_thousand_summaries_say_what_the_marts_say(built: Settings, tmp_path: Path) -> None:
    printed = compared = 0
    with administrator(built, built.database) as connection:
        for username, year in product(READERS, YEARS):
            made, _ = order(tmp_path / username / str(year), username, year)
            for file in made:
                pdf = (tmp_path / username / str(year) / file["name"]).read_bytes()
                compared += checked(pdf, connection, int(file["name"].split("_")[0]), READERS[username], year)
            again, _ = order(tmp_path / username / "again", username, year, 10)
            first = {f["name"]: f["sha256"] for f in made}
            assert all(first[f["name"]] == f["sha256"] for f in again), "the same bytes"
            printed += len(made)
    print(f"summaries: {printed} PDFs, {compared} numbers compared")
    assert printed >= WANTED
    assert compared > 20 * printed


def checked(pdf: bytes, connection: Any, person_key: int, site: str, year: int) -> int:
    """How many numbers were compared."""
    page = text_of(pdf)
    assert flaws(pdf) == []
    assert "\ufffd" not in page
    named = "".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf)).pages)
    assert set(re.findall(r"档案人代号\s+(\d+)\s", named)) == {str(person_key)}, "nobody else"
    expected = numbers_of(connection, person_key, site, year)
    assert [e for e in expected if e not in page] == [], person_key
    return len(expected)


@pytest.mark.usefixtures("readers")
def test_a_long_batch_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    made, long = order(tmp_path / "long", "analyst_hz", 2024)
    _, short = order(tmp_path / "short", "analyst_hz", 2024, len(made) // 4)
    print(f"summaries: {len(made)} PDFs in {long // 1024} MiB, {len(made) // 4} in {short // 1024} MiB")
    assert long < short * 1.25
