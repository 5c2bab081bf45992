"""Workbooks and JSON from file to landed rows; what was kept of them comes back byte for byte."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from tests.fixtures.loads import leaving_no_rows
from wellhouse.crypto.keyring import Keyring
from wellhouse.ingest.file import unkeep
from wellhouse.landing.families import FAMILIES
from wellhouse.settings import Settings

ID = "11010519491231002X"  # the example of GB 11643-1999
NAMES = ["体检编号", "姓名", "身份证号", "体检日期", "收缩压(mmHg)"]


@pytest.fixture(scope="module")
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    with leaving_no_rows(stack) as connection:
        yield connection


def ingest(path: Path, source: str) -> list[dict[str, Any]]:
    """What the command says of each file it read; every count adds up."""
    command = ["wellhouse", "ingest", str(path), "--source", source, "--site", "tables", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    for file in files:
        for counts in (file, file["observations"]):
            assert counts["read"] == counts["loaded"] + counts["quarantined"] + counts["duplicate"]
    return [file | {"said": done.stderr} for file in files]


def test_what_every_load_asks_for_by_key_has_an_index(server: psycopg.Connection) -> None:
    indexed = server.execute(
        """select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indrelid
           join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] join pg_am m on m.amname = 'btree'
           join pg_class x on x.oid = i.indexrelid and x.relam = m.oid
           where c.relnamespace = 'landing'::regnamespace"""
    ).fetchall()
    assert {(f.head, f.key) for f in FAMILIES.values()} <= set(indexed)


def test_a_workbook_lands_and_is_kept_whole(stack: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["体检汇总"],
        NAMES,
        ["x1", "张三", ID, "2024-03-05", 120],
        ["x2", "", 440106199001011230, 45356, 120],
        ["合计", 2],
    ):
        book.active.append(row)
    path = tmp_path / "a.xlsx"
    book.save(path)
    (file,) = ingest(path, "exam")
    assert (file["format"], file["read"], file["loaded"], file["quarantined"]) == ("xlsx", 3, 1, 2)
    assert file["observations"]["loaded"] == 1
    assert "id_damaged" in file["said"]
    assert "footer" in file["said"]
    with Keyring.open(stack) as keyring:
        assert unkeep(stack.originals / f"{file['sha256']}.sealed", keyring) == path.read_bytes()
    (again,) = ingest(path, "exam")
    assert again["status"] == "duplicate"


def test_a_questionnaire_with_nested_answers_lands_once(server: psycopg.Connection, tmp_path: Path) -> None:
    answers = [{"题号": "smoking", "答案": "从不"}, {"题号": "sleep_hours", "答案": 7}]
    record = {
        "问卷编号": "q1",
        "证件号码": ID,
        "问卷名称": "LIFESTYLE",
        "版本": "1",
        "填写日期": "2024-03-05",
        "答题": answers,
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps([record, record | {"问卷编号": "q2", "证件号码": ""}]), encoding="utf-8")
    (file,) = ingest(path, "questionnaire")
    assert (file["format"], file["read"], file["loaded"], file["quarantined"]) == ("json", 2, 1, 1)
    (landed,) = server.execute(
        "select count(*) from landing.questionnaire_answer join ops.load using (load_id) where sha256 = %s",
        (file["sha256"],),
    ).fetchone() or (0,)
    assert landed == 2


def test_each_file_of_an_archive_is_in_the_ledger_and_an_unsafe_one_is_as_a_whole(
    server: psycopg.Connection, tmp_path: Path
) -> None:
    rows = [f"体检编号,身份证号,体检日期,收缩压(mmHg)\nz{n},{ID},2024-06-0{n},120\n".encode() for n in (1, 2, 3)]
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    with zipfile.ZipFile(good, "w") as archive:
        archive.writestr("体检/one.csv", rows[0])
        archive.writestr("two.csv", rows[1])
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("ok.csv", rows[2])
        archive.writestr("../../out.csv", rows[2])
    one, two = ingest(good, "exam")
    assert [(f["loaded"], f["status"]) for f in (one, two)] == [(1, "loaded")] * 2
    assert one["path"].endswith("good.zip/one.csv")
    (refused,) = ingest(bad, "exam")
    assert (refused["status"], refused["reason"], refused["loaded"]) == ("quarantined", "unsafe_path", 0)
    assert not (tmp_path.parent / "out.csv").exists()
    named = server.execute("select count(*) from ops.load where file_name in ('one.csv', 'two.csv')").fetchone()
    assert named == (2,)
    assert [f["status"] for f in ingest(good, "exam")] == ["duplicate"] * 2


def test_words_that_many_were_asked_are_kept_and_no_others(server: psycopg.Connection, tmp_path: Path) -> None:
    """What stands in the column of questions once may be a name: it is in the sealed original only."""
    header = "问卷编号,姓名,档案号,问卷名称,版本,填写日期,题号,题目,答案\n"
    asked = {"smoking": "您吸烟吗", "statin": "是否服他汀", "drinking": "长" * 501}
    said = {"smoking": "从不", "statin": "否", "drinking": "偶尔"}
    lines = [
        f"words{n},张三{n},words{n},LIFESTYLE,1,2024-03-{n + 1:02d},{topic},{words},{said[topic]}\n"
        for n in range(12)
        for topic, words in asked.items()
    ]
    lines[1] = lines[1].replace("是否服他汀", "李四光")
    lines[4] = lines[4].replace("是否服他汀", "李四光")
    path = tmp_path / "asked.csv"
    path.write_text(header + "".join(lines))
    (file,) = ingest(path, "questionnaire")
    assert (file["read"], file["loaded"]) == (36, 36), file["said"]
    found = server.execute(
        "select questionnaire_code, questionnaire_version, question_code, wording, asked_from::text"
        " from landing.question where site = 'tables' order by question_code"
    ).fetchall()
    assert found == [("LIFESTYLE", "1", "smoking", "您吸烟吗", "2024-03-01")]  # of the others fewer than 11 agree
