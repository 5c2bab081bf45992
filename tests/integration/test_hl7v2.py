"""HL7 v2 messages through the loader: what lands, what a later message does to it, what is kept of a refused one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.loads import leaving_no_rows
from wellhouse.settings import Settings

MSH = "MSH|^~\\&|LIS|HZ|WH|HZ|20240305120000||ORU^R01^ORU_R01|M1|P|2.5.1||||||UNICODE UTF-8\r"
PID = "PID|1||H7001^^^^MR||陆^羽||19900307|M\r"
OBR = "OBR|1|O1|F1|CBC^血常规|||20240305080000\r"


def obx(code: str, value: str, unit: str, status: str = "F") -> str:
    return f"OBX|1|NM|{code}^某项^LN||{value}|{unit}|||||{status}\r"


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    with leaving_no_rows(stack) as connection:
        yield connection


def ingest(path: Path, site: str = "hl7") -> tuple[dict[str, Any], str]:
    """(the file's part of the report, what was said)."""
    done = subprocess.run(
        ["wellhouse", "ingest", str(path), "--site", site, "--json"], text=True, capture_output=True, check=True
    )
    (file,) = json.loads(done.stdout)["files"]
    return dict(file), done.stderr


def test_results_are_corrected_and_taken_back_by_later_messages(server: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "results.hl7"
    versions = [
        obx("718-7", "145", "g/L") + obx("777-3", "200", "10^9/L"),
        obx("718-7", "154", "g/L", "C"),
        obx("777-3", '""', "", "D"),
    ]
    for version in versions:
        path.write_text(MSH + PID + OBR + version, newline="")
        file, said = ingest(path)
        assert (file["format"], file["read"], file["loaded"], said) == ("hl7v2", 1, 1, "")
    found = server.execute(
        """select indicator_code, value_raw, unit, status from landing.observation
           join landing.exam using (load_id, exam_key) where site = 'hl7' order by load_id, indicator_code"""
    ).fetchall()
    assert found == [
        ("HGB", "145", "g/L", "final"), ("PLT", "200", "10*9/L", "final"), ("HGB", "154", "g/L", "corrected"),
        ("PLT", "", "10*9/L", "entered-in-error"),
    ]  # fmt: skip


def test_of_two_messages_in_one_file_the_later_counts(server: psycopg.Connection, tmp_path: Path) -> None:
    """Many systems send what they correct as final once more; which messages make one file is the listener's clock."""
    path = tmp_path / "results.hl7"
    told = [obx("718-7", "154", "g/L"), obx("718-7", "145", "g/L")]
    path.write_text("".join(MSH + PID + OBR + one for one in told), newline="")
    file, said = ingest(path)
    assert (file["read"], file["loaded"], said) == (2, 2, "")
    assert values(server) == ["154", "145"]
    # within one message they contradict each other
    path.write_text(MSH + PID + OBR + obx("777-3", "200", "10^9/L") + obx("777-3", "201", "10^9/L"), newline="")
    _, said = ingest(path)
    assert "conflicting_value" in said


def values(server: psycopg.Connection) -> list[str]:
    """As written, of the newest load, in order."""
    found = server.execute(
        """select value_raw from landing.observation
           where load_id = (select max(load_id) from ops.load) order by row_number"""
    ).fetchall()
    return [value for (value,) in found]


def test_the_same_messages_in_another_file_are_duplicates(server: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "again.hl7"
    first = MSH + PID + OBR + obx("718-7", "140", "g/L") + obx("718-7", "141", "g/L", "C")
    path.write_text(first, newline="")
    assert ingest(path)[0]["observations"]["loaded"] == 2
    path.write_text(f"\x0b{first}\x1c\r", newline="")
    assert ingest(path)[0]["observations"] == {"read": 2, "loaded": 0, "quarantined": 0, "duplicate": 2}


def test_results_that_come_later_do_not_move_their_exam(server: psycopg.Connection, tmp_path: Path) -> None:
    """One visit over several messages without PV1-44, in one file and in others: the exam is on its first day."""
    visit = "PV1|1|O" + "|" * 17 + "V7\r"

    def message(day: int, code: str) -> str:
        return MSH + PID + visit + f"OBR|1|O1|F1|X^某|||202403{day:02d}080000\r" + obx(code, "140", "g/L")

    path = tmp_path / "parts.hl7"
    for days in ((7, 6), (8,), (5,), (9,)):
        codes = ("718-7", "785-6") if len(days) == 2 else ("718-7",)
        path.write_text("".join(message(d, c) for d, c in zip(days, codes, strict=True)), newline="")
        _, said = ingest(path, "parts")
        assert "conflicting_value" not in said
    found = server.execute(
        """select exam_date::text from (
               select distinct on (exam_key) exam_key, exam_date from landing.exam where site = 'parts'
               order by exam_key, load_id desc, row_number desc) latest"""
    ).fetchall()
    assert found == [("2024-03-05",)]


def test_a_message_with_only_bad_results_makes_no_exam(server: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "bad.hl7"
    for value in ("很高", "更高"):
        path.write_text(MSH + PID + OBR + obx("718-7", value, "g/L"), newline="")
        file, said = ingest(path)
        assert (file["read"], file["loaded"], file["quarantined"]) == (1, 0, 1)
        assert "not_a_number" in said
        assert value not in said
    assert server.execute("select count(*) from landing.exam where site = 'hl7'").fetchone() == (0,)


def test_a_broken_message_is_refused_alone_and_shown_as_it_came(
    server: psycopg.Connection, tmp_path: Path, project_root: Path
) -> None:
    file, said = ingest(project_root / "tests" / "fixtures" / "hl7v2" / "truncated_frame.hl7")
    assert (file["read"], file["loaded"], file["quarantined"]) == (2, 1, 1)
    assert "row 1, truncated_message" in said
    (load,) = server.execute("select load_id from ops.load where sha256 = %s", (file["sha256"],)).fetchone() or (0,)
    command = ["wellhouse", "quarantine", "show", str(load), "1", "--purpose", "a test"]
    shown = subprocess.run(command, capture_output=True, check=True)
    whole = (project_root / "tests" / "fixtures" / "hl7v2" / "truncated_frame.hl7").read_bytes()
    assert shown.stdout == whole[: whole.index(b"\x0b", 1)]


def test_each_person_of_a_message_has_an_original_of_their_own(server: psycopg.Connection, project_root: Path) -> None:
    file, _ = ingest(project_root / "tests" / "fixtures" / "hl7v2" / "two_persons_in_one_message.hl7")
    owners = server.execute(
        """select count(distinct person_key), count(person_key), max(row_last) from landing.original
           where row_first > 0 and load_id = (select load_id from ops.load where sha256 = %s)""",
        (file["sha256"],),
    ).fetchone()
    assert owners == (2, 2, 2)


def test_every_real_file_does_what_the_document_says(
    server: psycopg.Connection, shared_data: Path, project_root: Path
) -> None:
    found = {}
    for path in sorted((shared_data / "hl7").iterdir()):
        file, _ = ingest(path, "real")
        found[path.name] = file
        assert file["read"] == file["loaded"] + file["quarantined"]
        results = file["observations"]
        assert results["read"] == results["loaded"] + results["quarantined"] + results["duplicate"]
    read, loaded, taken = (sum(counts) for counts in zip(*(
        (f["read"], f["loaded"], f["observations"]["loaded"]) for f in found.values()
    ), strict=True))  # fmt: skip
    assert (len(found), read, loaded, taken) == (32, 36, 5, 6)
    document = (project_root / "docs" / "data_formats.md").read_text()
    for name, file in found.items():
        results = file["observations"]
        counts = (file["read"], file["loaded"], file["quarantined"], results["read"], results["loaded"])
        assert f"| `{name}` | {' | '.join(map(str, counts))} | {results['quarantined']} |" in document
    refused = server.execute("select count(*) from quarantine.record where expected = ''").fetchone()
    assert refused == (0,)
