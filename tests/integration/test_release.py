"""Refused records read again after a mapping was put right: what is good lands, counts stay true, history is kept."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest
import yaml

from wellhouse import audit
from wellhouse.commands import ingest as command
from wellhouse.ingest.file import Ingest
from wellhouse.ingest.release import reread
from wellhouse.landing import originals
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

PERSON = "张三,女,1949-12-31,11010519491231002X"  # the number is the example of GB 11643-1999
OTHER = "李四,男,1949-12-31,110105194912310038"
HEADER = "体检编号,姓名,性别,出生日期,身份证号,体检日期,收缩压(mmHg),晨间糖(mmol/L)\n"
LONG = "登记号,姓名,性别,出生日期,证件号码,登记日期,项目名称,结果,单位\n"
SITE = "release"


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    """What these tests land goes again: other tests of the session build on the sample alone."""
    with administrator(stack, stack.database) as server:
        yield server
        loads = "(select load_id from ops.load where site = 'release')"
        for (table,) in server.execute(
            "select relname from pg_class where relnamespace = 'landing'::regnamespace and relkind = 'r'"
        ).fetchall():
            server.execute(f"delete from landing.{table} where load_id in {loads}")  # noqa: S608
        server.execute("delete from ops.load where site = 'release'")


def wellhouse(*arguments: str | Path) -> dict[str, Any]:
    done = subprocess.run(["wellhouse", *map(str, arguments), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)) | {"said": done.stderr}


def mapping(folder: Path, **changes: Any) -> Path:
    """The exam mapping with changes, in a file of its own."""
    document = yaml.safe_load((PROJECT_ROOT / "mappings" / "exam.yaml").read_text(encoding="utf-8")) | changes
    path = folder / f"mapping_{document['version']}.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def load(server: psycopg.Connection, path: Path, *options: str | Path) -> tuple[int, dict[str, Any]]:
    (file,) = wellhouse("ingest", path, "--source", "exam", "--site", SITE, *options)["files"]
    row = server.execute("select load_id from ops.load where sha256 = %s", (file["sha256"],)).fetchone()
    assert row is not None
    return int(row[0]), file


def counts(of: dict[str, Any]) -> tuple[int, ...]:
    found = [of[name] for name in ("read", "loaded", "quarantined", "duplicate")]
    assert found[0] == sum(found[1:])
    return tuple(found)


def landed(server: psycopg.Connection, load_id: int) -> list[tuple[Any, ...]]:
    return server.execute(
        "select row_number, indicator_code, value, unit from landing.observation where load_id = %s order by 1, 2",
        (load_id,),
    ).fetchall()


def refusals(server: psycopg.Connection, load_id: int) -> list[tuple[Any, ...]]:
    return server.execute(
        """select row_number, reason, released_at is not null, release_id is not null
           from quarantine.record where load_id = %s order by 1, 2""",
        (load_id,),
    ).fetchall()


def test_a_cell_lands_once_the_mapping_knows_it(stack: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    bad = f"r3,{OTHER[:-1]}9,2024-03-07,122,5.3\n"
    path.write_text(HEADER + f"r1,{PERSON},2024-03-05,120,5.1\nr2,{OTHER},2024-03-06,999,5.2\n" + bad, "gb18030")
    number, file = load(server, path)
    assert counts(file) == (3, 2, 1, 0)
    assert counts(file["observations"]) == (4, 1, 3, 0)
    columns = (("收缩压(mmHg)", "SBP", "mm[Hg]"), ("晨间糖(mmol/L)", "FPG", "mmol/L"))
    observations = [{"column": column, "indicator": code, "unit": unit} for column, code, unit in columns]
    again = mapping(tmp_path, version="2", observations=observations)

    first = wellhouse("quarantine", "release", str(number), "--mapping", again)
    (released,) = first["loads"]
    assert (released["released"], counts(released), counts(released["observations"])) == (2, (3, 2, 1, 0), (4, 3, 1, 0))
    assert {(r["row"], r["reason"]) for r in first["rows"]} == {(2, "impossible_value"), (3, "id_check_digit")}
    assert landed(server, number) == [
        (1, "FPG", 5.1, "mmol/L"), (1, "SBP", 120, "mm[Hg]"), (2, "FPG", 5.2, "mmol/L"),
    ]  # fmt: skip
    history = refusals(server, number)
    assert history == [
        (1, "unknown_indicator", True, True), (2, "impossible_value", False, False),
        (2, "unknown_indicator", True, True), (3, "id_check_digit", False, False),
    ]  # fmt: skip

    (second,) = wellhouse("quarantine", "release", str(number), "--mapping", again)["loads"]
    assert (second["released"], counts(second)) == (0, (3, 2, 1, 0))
    assert refusals(server, number) == history
    assert server.execute("select count(*) from quarantine.release where load_id = %s", (number,)).fetchone() == (1,)


def test_a_long_record_lands_and_a_resent_one_is_a_duplicate(
    stack: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    rows = [f"l1,{PERSON},2024-04-05,{item}\n" for item in ("收缩压,120,mmHg", "某糖,5.1,mmol/L", "某糖二,5.9,mmol/L")]
    path = tmp_path / "long.csv"
    path.write_text(LONG + "".join(rows), encoding="utf-8")
    number, file = load(server, path)
    assert counts(file) == counts(file["observations"]) == (3, 1, 2, 0)
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(LONG + rows[1].replace("某糖", "空腹血糖"), encoding="utf-8")
    _, resent = load(server, corrected)
    assert counts(resent) == (1, 1, 0, 0)

    again = mapping(tmp_path, version="2", codes={"某糖": {"indicator": "FPG"}, "某糖二": {"indicator": "OGTT2H"}})
    (released,) = wellhouse("quarantine", "release", str(number), "--mapping", again)["loads"]
    assert released["released"] == 2
    assert counts(released)[2] == 0
    assert counts(released) == counts(released["observations"])
    assert released["duplicate"] == 1
    assert [row[:2] for row in landed(server, number)] != []


def test_a_file_refused_as_a_whole_is_read_again(stack: Settings, server: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "whole.csv"
    path.write_text(HEADER.replace("体检日期", "来院日") + f"w1,{PERSON},2024-05-05,120,5.1\n", encoding="utf-16")
    number, file = load(server, path)
    assert (file["status"], file["reason"], counts(file)) == ("quarantined", "missing_column", (1, 0, 1, 0))
    (same,) = wellhouse("quarantine", "release", str(number))["loads"]
    assert (same["status"], same["released"]) == ("quarantined", 0)
    columns = yaml.safe_load((PROJECT_ROOT / "mappings" / "exam.yaml").read_text(encoding="utf-8"))["columns"]
    again = mapping(tmp_path, version="2", columns=columns | {"exam_date": ["来院日"]}, ignore=["晨间糖(mmol/L)"])
    (released,) = wellhouse("quarantine", "release", str(number), "--mapping", again)["loads"]
    assert (released["status"], counts(released)) == ("loaded", (1, 1, 0, 0))
    assert [row[1] for row in landed(server, number)] == ["SBP"]
    assert refusals(server, number) == [(None, "missing_column", True, True)]
    owners = server.execute(
        "select count(*) from landing.original where load_id = %s and row_first = 1 and person_key is not null",
        (number,),
    ).fetchone()
    assert owners == (1,), "what is about a person is sealed under that person's key by now"


def test_a_workbook_is_read_again_from_the_workbook(
    stack: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    for row in (HEADER.strip().split(","), *(f"b{i},{PERSON},2024-09-0{i},12{i},5.{i}".split(",") for i in (1, 2))):
        book.active.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    number, file = load(server, path)
    assert (counts(file), counts(file["observations"])) == ((2, 2, 0, 0), (4, 2, 2, 0))
    columns = (("收缩压(mmHg)", "SBP", "mm[Hg]"), ("晨间糖(mmol/L)", "FPG", "mmol/L"))
    observations = [{"column": column, "indicator": code, "unit": unit} for column, code, unit in columns]
    again = mapping(tmp_path, version="2", observations=observations)
    command = ["wellhouse", "record", "show", str(number), "2", "--purpose", "a test"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    (released,) = wellhouse("quarantine", "release", str(number), "--mapping", again)["loads"]
    assert (released["released"], counts(released["observations"])) == (2, (4, 4, 0, 0))
    assert subprocess.run(command, capture_output=True, check=True).stdout == shown
    assert shown.decode().startswith("b2,张三,")


def test_a_mapping_that_would_refuse_what_is_loaded_changes_nothing(
    stack: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "worse.csv"
    path.write_text(HEADER + f"x1,{PERSON},2024-06-05,120,5.1\n", encoding="utf-8")
    number, _ = load(server, path)
    before = landed(server, number), refusals(server, number)
    worse = mapping(tmp_path, version="2", words={"sex": {"male": ["男"], "female": ["woman"]}})
    done = subprocess.run(
        ["wellhouse", "quarantine", "release", str(number), "--mapping", str(worse)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert (landed(server, number), refusals(server, number)) == before


def test_any_record_is_shown_byte_for_byte_and_audited(
    stack: Settings, server: psycopg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "shown_records.csv"
    people = [person.split(",", 1) for person in (PERSON, PERSON, OTHER)]
    records = [
        f'r{i},"{name}\n",{rest},2024-07-0{i},120,5.1\r\n'.encode("gb18030")
        for i, (name, rest) in enumerate(people, start=1)
    ]
    path.write_bytes(HEADER.encode("gb18030") + b"".join(records))
    number, file = load(server, path)
    assert file["read"] == 3
    (events,) = server.execute("select count(*) from audit.event where path = 'record'").fetchone() or (0,)
    for row, wanted in enumerate([HEADER.encode("gb18030"), *records]):
        command = ["wellhouse", "record", "show", str(number), str(row), "--purpose", "a test"]
        assert subprocess.run(command, capture_output=True, check=True).stdout == wanted
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    for reader, code in (("administrator", 0), ("analyst_hz", 1), ("manager_hz", 1), ("nobody", 1)):
        shown = subprocess.run([*command, "--as", reader], capture_output=True)
        assert (shown.returncode, bool(shown.stdout)) == (code, code == 0), reader
    told = server.execute(
        "select reader, purpose, cardinality(persons) from audit.event where path = 'record' order by event_id"
    ).fetchall()
    me = audit.operator()
    assert told[events:] == [
        (me, "a test", 0), (me, "a test", 1), (me, "a test", 1), (me, "a test", 1),
        ("wh_u_administrator", "a test", 1),
    ]  # fmt: skip


def test_old_originals_go_when_a_setting_says_so(
    stack: Settings, server: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = tmp_path / "kept_good.csv", tmp_path / "kept_bad.csv"
    good.write_text(HEADER.replace("晨间糖", "空腹血糖") + f"k1,{PERSON},2024-08-05,120,5.1\n", encoding="utf-8")
    bad.write_text(HEADER + f"k2,{PERSON},2024-08-06,120,5.1\n", encoding="utf-8")
    numbers = [load(server, path)[0] for path in (good, bad)]
    old = "update ops.load set finished_at = finished_at - interval '30 days' where load_id = any(%s)"
    server.execute(old, (numbers,))
    assert wellhouse("record", "expire")["originals"] == 0
    rules = tmp_path / "retention.yaml"
    monkeypatch.setenv("WELLHOUSE_RETENTION", str(rules))
    rules.write_text("rules: [{what: originals, days: 20}]")
    assert wellhouse("record", "expire")["originals"] == 2
    left = "select distinct load_id from landing.original where load_id = any(%s)"
    assert server.execute(left, (numbers,)).fetchall() == [(numbers[1],)], "what waits in quarantine is kept"
    rules.write_text("rules: [{what: originals, days: 20}, {what: quarantine, days: 20}]")
    assert wellhouse("record", "expire")["refusals"] == 1
    assert server.execute(left, (numbers,)).fetchall() == []


def snapshot(server: psycopg.Connection, load_id: int) -> list[Any]:
    """Every landed row of a load, its counts and its refusals."""
    tables = server.execute(
        "select relname from pg_class where relnamespace = 'landing'::regnamespace and relkind = 'r' order by 1"
    ).fetchall()
    named = [
        *(f"landing.{table}" for (table,) in tables if table != "original"),
        "(select load_id, row_first, row_last, person_key from landing.original)",
        "(select load_id, row_number, reason, released_at from quarantine.record)",
        "(select load_id, rows_loaded, rows_quarantined, observations_loaded, observations_quarantined from ops.load)",
    ]
    query = """select count(*), md5(string_agg(r, '|' order by r))
               from (select t::text as r from {} t where load_id = {}) x"""
    return [server.execute(query.format(name, load_id).encode()).fetchone() for name in named]


def opened(ingest: Ingest, load_id: int) -> list[tuple[int, int, bytes]]:
    """The originals, which are sealed under new nonces when a load is read again."""
    return list(originals.read(ingest.connection, ingest.keyring, load_id))


def test_a_withdrawal_whose_code_the_mapping_learns_takes_the_result_back(
    server: psycopg.Connection, tmp_path: Path
) -> None:
    message = (
        "MSH|^~\\&|LIS|HZ|WH|HZ|20240305||ORU^R01|{}|P|2.5\rPID|1||M77^^^HZ^MR||李^四||19491231|F\r"
        "PV1|1|O|||||||||||||||||V77\rOBR|1|||CHEM|||20240305\rOBX|1|NM|{}||{}|mmol/L|||||{}\r"
    )
    loads = []
    for number, (code, value, status) in enumerate((("2345-7^^LN", "5.1", "F"), ("GLUX", "", "D"), ("", "", "W"))):
        path = tmp_path / f"{number}.hl7"
        path.write_text(message.format(number, code, value, status), encoding="utf-8")
        loads.append(load(server, path)[0])
    told = "select field, reason, expected from quarantine.record where load_id = %s and released_at is null"
    (withdrawn,), (unnamed,) = (server.execute(told, (load_id,)).fetchall() for load_id in loads[1:])
    assert withdrawn[1] == "unknown_indicator"
    assert unnamed == (
        "item_code (OBX-3)", "unknown_indicator", "the code or the name of what was measured"
    )  # fmt: skip

    document = yaml.safe_load((PROJECT_ROOT / "mappings" / "hl7v2.yaml").read_text(encoding="utf-8"))
    (indicator,) = server.execute(
        "select indicator_code from landing.observation where load_id = %s", loads[:1]
    ).fetchone() or ("",)
    codes = {"GLUX": {"indicator": indicator, "unit": "mmol/L"}}
    (tmp_path / "codes.yaml").write_text(yaml.safe_dump(document | {"version": "2", "codes": codes}), encoding="utf-8")
    (tmp_path / "bare.yaml").write_text("name: bare\nversion: 1\nsource: exam\nlayout: long\n", encoding="utf-8")
    command = ["wellhouse", "quarantine", "release", str(loads[1]), "--mapping"]
    refused = subprocess.run([*command, str(tmp_path / "bare.yaml")], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "mapping_without_paths" in refused.stderr
    (released,) = wellhouse("quarantine", "release", str(loads[1]), "--mapping", tmp_path / "codes.yaml")["loads"]
    assert (released["released"], counts(released["observations"])) == (1, (1, 1, 0, 0))
    found = server.execute(
        "select value, status, exam_key from landing.observation where load_id = any(%s) order by load_id", (loads,)
    ).fetchall()
    assert [row[:2] for row in found] == [(5.1, "final"), (None, "entered-in-error")]
    assert found[0][2] == found[1][2], "of the same exam and indicator"


@pytest.mark.parametrize("form", ["hl7v2", "fhir"])
def test_a_load_of_any_format_read_again_is_the_same(stack: Settings, server: psycopg.Connection, form: str) -> None:
    """What is sealed is all there is to know of a file, and reading it again changes nothing."""
    files = sorted((PROJECT_ROOT / "tests" / "fixtures" / form).iterdir())
    assert len(files) > 5
    with Ingest(stack) as ingest:
        for file in files:
            command._load(ingest, stack, file, None, "exam", SITE, None, "auto")
            found = server.execute("select max(load_id) from ops.load where site = %s and rows_read > 0", (SITE,))
            (load_id,) = found.fetchone() or (None,)
            if load_id is not None:
                before, sealed = snapshot(server, load_id), opened(ingest, load_id)
                reread(ingest, load_id)
                assert snapshot(server, load_id) == before, file.name
                assert opened(ingest, load_id) == sealed, file.name
