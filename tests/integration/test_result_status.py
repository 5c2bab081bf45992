"""What a result's status does to the versions before it: within a file, between files, and in the marts."""

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

HEADER = "登记号,姓名,性别,证件号码,登记日期,项目名称,结果,单位,结果状态\n"
PERSON = "王五,男,110101199003070775"


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    with leaving_no_rows(stack) as connection:
        yield connection


class Files:
    """Files of one exam, loaded one after the other."""

    def __init__(self, folder: Path, number: str) -> None:
        self._folder, self._number, self._count = folder, number, 0

    def load(self, *results: tuple[str, str]) -> dict[str, Any]:
        """One file of these (value, status) of the systolic pressure; its counts of observations."""
        self._count += 1
        path = self._folder / f"status_{self._count}.csv"
        rows = [f"{self._number},{PERSON},2024-03-05,收缩压,{value},mmHg,{status}\n" for value, status in results]
        path.write_text(HEADER + "".join(rows), encoding="utf-8")
        command = ["wellhouse", "ingest", str(path), "--source", "exam", "--site", "status", "--json"]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        return dict(json.loads(done.stdout)["files"][0]["observations"])


def counts(read: int, loaded: int, quarantined: int = 0, duplicate: int = 0) -> dict[str, int]:
    return {"read": read, "loaded": loaded, "quarantined": quarantined, "duplicate": duplicate}


def landed(server: psycopg.Connection) -> list[tuple[str, str]]:
    """What the newest exam of these tests has, in the order it came."""
    return server.execute(
        """select value_raw, status from landing.observation where exam_key = (
               select exam_key from landing.exam where site = 'status' order by load_id desc limit 1)
           order by load_id, row_number"""
    ).fetchall()


def test_a_correction_looks_up_what_it_corrects_and_reads_no_history(
    server: psycopg.Connection, tmp_path: Path
) -> None:
    files = Files(tmp_path, "history")
    assert files.load(("120", "最终")) == counts(1, 1)
    server.execute(
        """insert into landing.exam (load_id, row_number, exam_key, person_key, site, exam_date)
           select load_id, i, i, person_key, site, exam_date from landing.exam cross join generate_series(2, 50000) i
           where load_id = (select max(load_id) from ops.load)"""
    )
    server.execute("analyze landing.exam")
    before = read_from_end_to_end(server)
    assert files.load(("121", "更正")) == counts(1, 1)
    assert read_from_end_to_end(server) - before < 50_000


def read_from_end_to_end(server: psycopg.Connection) -> int:
    """Rows of exams that anybody read because they lie in the table; a command that ended has told its own."""
    (count,) = server.execute(
        "select seq_tup_read from pg_stat_user_tables where relid = 'landing.exam'::regclass"
    ).fetchone() or (0,)
    return int(count)


def test_a_correction_supersedes_and_the_history_stays(server: psycopg.Connection, tmp_path: Path) -> None:
    files = Files(tmp_path, "between")
    assert files.load(("120", "初步")) == counts(1, 1)
    assert files.load(("121", "最终")) == counts(1, 1)
    assert files.load(("125", "更正")) == counts(1, 1)
    assert files.load(("125", "更正"), ("125", "更正")) == counts(2, 0, duplicate=2)
    assert files.load(("", "作废")) == counts(1, 1)
    assert landed(server) == [
        ("120", "preliminary"), ("121", "final"), ("125", "corrected"), ("", "entered-in-error"),
    ]  # fmt: skip


def test_within_a_file_only_a_status_supersedes(server: psycopg.Connection, tmp_path: Path) -> None:
    files = Files(tmp_path, "within")
    history = (("120", "初步"), ("121", ""), ("121", ""), ("122", ""), ("125", "更正"))
    assert files.load(*history) == counts(5, 3, quarantined=1, duplicate=1)
    assert landed(server) == [("120", "preliminary"), ("121", "final"), ("125", "corrected")]
    # the same history in a later file changes nothing, or its older results would come back to life
    again = (("121", ""), ("125", "更正"))
    assert files.load(*again) == counts(2, 0, duplicate=2)
    assert files.load(("121", "")) == counts(1, 1)


def test_a_typo_that_is_withdrawn_takes_its_correction_not_with_it(server: psycopg.Connection, tmp_path: Path) -> None:
    files = Files(tmp_path, "typo")
    # the correction is a result of its own; then the typo is withdrawn: in the same file, and in one of its own
    assert files.load(("56", "初步"), ("120", ""), ("56", "作废")) == counts(3, 2, quarantined=1)
    assert files.load(("56.0", "取消")) == counts(1, 0, quarantined=1)
    assert landed(server) == [("56", "preliminary"), ("120", "final")]
    expected = server.execute(
        "select distinct expected from quarantine.record where load_id = (select max(load_id) from ops.load)"
    ).fetchall()
    assert expected == [("the value of the result that is taken back",)]
    # what says the same in other digits is taken back, and so is what is withdrawn without a value
    assert files.load(("120.0", "作废")) == counts(1, 1)
    assert files.load(("121", "")) == counts(1, 1)
    assert files.load(("", "作废")) == counts(1, 1)


def test_an_unknown_status_is_refused(server: psycopg.Connection, tmp_path: Path) -> None:
    assert Files(tmp_path, "unknown").load(("120", "不知道")) == counts(1, 0, quarantined=1)
    reasons = server.execute(
        "select field, reason from quarantine.record where load_id = (select max(load_id) from ops.load)"
    ).fetchall()
    assert reasons == [("结果状态", "unknown_word")]


class Exams:
    """Files of whole exams, loaded one after the other."""

    HEADER = "体检编号,姓名,性别,出生日期,档案号,体检日期,收缩压(mmHg)\n"

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def load(self, *rows: str) -> dict[str, Any]:
        self._count += 1
        path = self._folder / f"exams_{self._count}.csv"
        path.write_text(self.HEADER + "".join(row + "\n" for row in rows), encoding="utf-8")
        command = ["wellhouse", "ingest", str(path), "--source", "exam", "--site", "status", "--json"]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        file = json.loads(done.stdout)["files"][0]
        return {k: file[k] for k in ("loaded", "quarantined", "duplicate")}


def people(server: psycopg.Connection) -> list[tuple[int, int, str | None, int | None]]:
    """(load, row, sex, birth year) of the newest load of these tests, and whether each has an exam in it."""
    return server.execute(
        """select row_number, sex, birth_year from landing.person where load_id = (
               select max(load_id) from ops.load where site = 'status') order by row_number"""
    ).fetchall()


def orphans(server: psycopg.Connection) -> int:
    """Exams of a person of whom nothing is landed."""
    found = server.execute(
        """select count(*) from landing.exam e where site = 'status' and not exists (
               select from landing.person p where p.person_key = e.person_key and p.site = e.site)"""
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_what_a_refused_record_said_of_a_person_whose_other_record_stays(
    server: psycopg.Connection, tmp_path: Path
) -> None:
    files = Exams(tmp_path)
    assert files.load("e1,王五,男,1990-03-07,p1,2024-03-05,120")["loaded"] == 1
    # somebody new claims e1 first, and has an exam of their own
    done = files.load("e1,李四,女,1980-01-02,p2,2024-03-05,130", "e2,李四,女,1980-01-02,p2,2024-04-05,131")
    assert done == {"loaded": 1, "quarantined": 1, "duplicate": 0}
    assert orphans(server) == 0
    assert people(server) == [(1, "female", 1980)]
    # whoever has nothing but a refused record is not landed
    assert files.load("e1,赵六,女,1970-01-02,p3,2024-03-05,130") == {"loaded": 0, "quarantined": 1, "duplicate": 0}
    assert people(server) == []


def test_what_a_resend_newly_says_of_a_person(server: psycopg.Connection, tmp_path: Path) -> None:
    files = Exams(tmp_path)
    assert files.load("n1,王五,,1990-03-07,p4,2024-03-05,120")["loaded"] == 1
    assert files.load("n1,王五,男,1990-03-07,p4,2024-03-05,120")["duplicate"] == 1
    assert people(server) == [(1, "male", 1990)]
    # said again, and unsaid: nothing new
    assert files.load("n1,王五,男,1990-03-07,p4,2024-03-05,120", "")["duplicate"] == 1
    assert people(server) == []
    assert files.load("n1,王五,,,p4,2024-03-05,120")["duplicate"] == 1
    assert people(server) == []


def days(server: psycopg.Connection) -> list[tuple[str, int]]:
    """(day, systolic pressure) of what has landed of these tests."""
    return server.execute(
        """select exam_date::text, value::int from landing.exam join landing.observation using (load_id, exam_key)
           where site = 'status' order by load_id, landing.exam.row_number"""
    ).fetchall()


def test_a_number_that_a_person_keeps_is_no_exams(server: psycopg.Connection, tmp_path: Path) -> None:
    files = Exams(tmp_path)
    person = "k1,王五,男,1990-03-07,p5"
    assert files.load(f"{person},2023-03-05,120")["loaded"] == 1
    # next year under the same number: not a correction of last year's exam
    assert files.load(f"{person},2024-03-06,130") == {"loaded": 0, "quarantined": 1, "duplicate": 0}
    assert server.execute(
        """select field, reason, count(*) from quarantine.record
           where load_id = (select max(load_id) from ops.load) group by 1, 2"""
    ).fetchall() == [("exam_number", "number_of_another_exam", 1)]
    # a day that was corrected by a week is
    assert files.load(f"{person},2023-03-12,121")["loaded"] == 1
    assert days(server) == [("2023-03-05", 120), ("2023-03-12", 121)]


def test_within_a_file_a_number_has_one_exam(server: psycopg.Connection, tmp_path: Path) -> None:
    rows = [f"k2,王五,男,1990-03-07,p6,{day},{value}" for day, value in (("2023-03-05", 120), ("2024-03-06", 130))]
    assert Exams(tmp_path).load(*rows) == {"loaded": 1, "quarantined": 1, "duplicate": 0}
    assert days(server) == [("2023-03-05", 120)]
