"""Nothing personal stands in clear on any disk surface the product writes (FEATURES B1, B12; data rule 9)."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from pathlib import Path

import pytest

from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

ENCODINGS = {"hz": "gb18030", "sh": "utf-8-sig", "cd": "utf-16"}
ID_HEADERS = ("身份证号", "证件号码")
PEOPLE = 100


@pytest.fixture(scope="module")
def people(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """(name, ID number) of people of the sample that was loaded, generated once more outside ``var``."""
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run(["wellhouse", "sample", "--people", "300", "--output", str(folder)], check=True)
    found: dict[str, str] = {}
    for site, encoding in ENCODINGS.items():
        for file in sorted((folder / site / "exam").glob("*.csv")):
            text = file.read_bytes().decode(encoding)
            for row in csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in text.split("\n", 1)[0] else ","):
                number = next((row[h] for h in ID_HEADERS if row.get(h)), "") or ""
                if len(number) == 18 and row.get("姓名"):
                    found[number] = row["姓名"]
    step = max(1, len(found) // PEOPLE)
    return [(name, number) for number, name in list(found.items())[::step]][:PEOPLE]


def patterns(people: list[tuple[str, str]]) -> set[bytes]:
    """Byte strings too long to occur by chance in ciphertext: every spelling of six bytes or more."""
    spellings = (value.encode(e) for pair in people for value in pair for e in ("utf-8", "gb18030", "utf-16-le"))
    return {s for s in spellings if len(s) >= 6 and b"\n" not in s}


def hits(folder: Path, wanted: set[bytes], scratch: Path) -> list[str]:
    """Files under ``folder`` that hold any of ``wanted``."""
    file = scratch / "patterns"
    file.write_bytes(b"\n".join(sorted(wanted)))
    done = subprocess.run(
        ["grep", "-raFl", "-f", str(file), str(folder)], capture_output=True, env=os.environ | {"LC_ALL": "C"}
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.decode().splitlines()


def test_the_scan_finds_what_stands_in_clear(people: list[tuple[str, str]], tmp_path: Path) -> None:
    """A scan that cannot fail proves nothing: the same scan sees a planted row in each encoding."""
    planted = tmp_path / "planted"
    planted.mkdir()
    name, number = people[0]
    for encoding in ("utf-8", "gb18030", "utf-16-le"):
        (planted / encoding).write_bytes(b"\x00\xff" + f"{name},{number}".encode(encoding) + b"\x00")
    assert len(hits(planted, patterns(people), tmp_path)) == 3


def test_no_name_or_id_number_is_found_in_var(built: Settings, people: list[tuple[str, str]], tmp_path: Path) -> None:
    assert len(people) == PEOPLE
    with administrator(built, built.database) as server:
        server.execute("checkpoint")  # so that the data files hold what the buffers hold
    assert hits(built.var, patterns(people), tmp_path) == []
