"""Late corrections of questionnaires and care plans in FHIR: the last version counts, and all of them stay."""

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

PATIENT = {
    "resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1949-12-31",
    "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": "11010519491231002X"}],
}  # fmt: skip
ANSWERS = """
    select question_code, value_raw, status from landing.questionnaire_answer where response_key = (
        select response_key from landing.questionnaire where site = 'document' order by load_id desc limit 1)
    order by load_id, row_number, question_code
"""
ITEMS = """
    select item, plan_date::text, status from landing.care_plan where site = 'document'
    order by load_id, row_number, care_plan_key <> 0, item, plan_date
"""
Resource = dict[str, Any]


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    with leaving_no_rows(stack) as connection:
        yield connection


def response(status: str, of: str = "r1", **answers: int) -> Resource:
    said = [{"linkId": link, "answer": [{"valueInteger": value}]} for link, value in answers.items()]
    return {
        "resourceType": "QuestionnaireResponse", "id": of, "status": status, "questionnaire": "http://x/PHQ-9|1",
        "subject": {"reference": "Patient/p1"}, "authored": "2024-03-05", "item": said,
    }  # fmt: skip


def plan(status: str, **days: str) -> Resource:
    activities = [
        {"detail": {"code": {"text": item}, "status": "scheduled", "scheduledPeriod": {"start": day}}}
        for item, day in days.items()
    ]
    return {
        "resourceType": "CarePlan", "id": "c1", "status": status, "intent": "plan", "category": [{"text": "运动"}],
        "subject": {"reference": "Patient/p1"}, "period": {"start": "2024-03-05"}, "activity": activities,
    }  # fmt: skip


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Resources as one NDJSON file, loaded; its counts of records."""

    def loaded(*resources: Resource) -> tuple[int, int, int]:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ndjson"
        path.write_text("\n".join(map(json.dumps, [PATIENT, *resources])), encoding="utf-8")
        command = ["wellhouse", "ingest", str(path), "--source", "exam", "--site", "document", "--json"]
        done = subprocess.run(command, text=True, capture_output=True, check=True)
        (file,) = json.loads(done.stdout)["files"]
        assert file["read"] == file["loaded"] + file["quarantined"] + file["duplicate"]
        return file["loaded"], file["quarantined"], file["duplicate"]

    return loaded


def test_an_amended_response_supersedes_an_earlier_file(server: psycopg.Connection, load: Any) -> None:
    assert load(response("completed", q1=1, q2=2)) == (2, 0, 0)
    assert load(response("amended", q1=3, q2=2)) == (2, 0, 0)
    history = [("q1", "1", "final"), ("q2", "2", "final"), ("q1", "3", "corrected"), ("q2", "2", "corrected")]
    assert server.execute(ANSWERS).fetchall() == history
    assert load(response("amended", q1=3, q2=2), response("completed", of="r2", q1=0)) == (2, 0, 1)


def test_an_amended_response_supersedes_one_of_the_same_file(server: psycopg.Connection, load: Any) -> None:
    assert load(response("completed", q1=1, q2=2), response("amended", q1=3)) == (3, 0, 0)
    assert server.execute(ANSWERS).fetchall() == [
        ("q1", "1", "final"), ("q2", "2", "final"), ("q1", "3", "corrected"), ("q2", "2", "entered-in-error"),
    ]  # fmt: skip


def test_two_completed_ones_of_one_file_contradict_each_other(server: psycopg.Connection, load: Any) -> None:
    assert load(response("completed", q1=1), response("completed", q1=3)) == (2, 1, 0)
    assert server.execute(ANSWERS).fetchall() == [("q1", "1", "final")]


def test_an_answer_that_a_later_version_has_no_longer_is_taken_back(server: psycopg.Connection, load: Any) -> None:
    assert load(response("completed", q1=1, q2=2)) == (2, 0, 0)
    load(response("completed", q1=1), response("completed", of="r2", q1=0))
    (key,) = server.execute(
        "select response_key from landing.questionnaire_answer where status <> 'final'"
    ).fetchone() or ("",)
    assert server.execute(
        "select question_code, value_raw, status from landing.questionnaire_answer where response_key = %s "
        "order by load_id, question_code", (key,)
    ).fetchall() == [("q1", "1", "final"), ("q2", "2", "final"), ("q2", "2", "entered-in-error")]  # fmt: skip


@pytest.mark.parametrize("same_file", [True, False])
def test_a_withdrawn_response_takes_back_all_it_ever_said(
    server: psycopg.Connection, load: Any, same_file: bool
) -> None:
    versions = response("completed", q1=1, q2=2), response("entered-in-error", q1=1)
    for resources in [versions] if same_file else [versions[:1], versions[1:]]:
        load(*resources)
    latest = """select distinct on (question_code) question_code, status from landing.questionnaire_answer
                where response_key in (select response_key from landing.questionnaire where site = 'document')
                order by question_code, load_id desc, row_number desc"""
    assert server.execute(latest).fetchall() == [("q1", "entered-in-error"), ("q2", "entered-in-error")]
    heads = "select status from landing.questionnaire where site = 'document' order by load_id, row_number"
    assert server.execute(heads).fetchall() == [("final",), ("entered-in-error",)]


def test_a_withdrawn_response_need_not_repeat_its_answers(server: psycopg.Connection, load: Any) -> None:
    assert load(response("completed", q1=1, q2=2)) == (2, 0, 0)
    assert load(response("entered-in-error")) == (2, 0, 0)
    assert server.execute(ANSWERS).fetchall() == [
        ("q1", "1", "final"), ("q2", "2", "final"), ("q1", "1", "entered-in-error"), ("q2", "2", "entered-in-error"),
    ]  # fmt: skip
    assert load(response("entered-in-error"), response("entered-in-error", of="r3")) == (2, 0, 1)
    # a history that begins with the newest
    newest_first = [response(status, of="r4", q1=1) for status in ("entered-in-error", "amended", "completed")]
    assert load(*newest_first) == (2, 2, 0)
    assert server.execute(ANSWERS).fetchall() == [("q1", "1", "entered-in-error")]
    assert len(server.execute(ANSWERS.replace("desc limit 1", "limit 1")).fetchall()) == 4


def test_a_withdrawn_plan_need_not_repeat_its_activities(server: psycopg.Connection, load: Any) -> None:
    assert load(plan("active", walk="2024-03-05", swim="2024-03-06")) == (2, 0, 0)
    withdrawn = plan("entered-in-error") | {"period": {}, "category": []}
    assert load(withdrawn) == (2, 0, 0)
    assert sorted(server.execute(ITEMS).fetchall()[2:], key=str) == [
        ("swim", "2024-03-06", "entered-in-error"), ("walk", "2024-03-05", "entered-in-error"),
        (None, None, "entered-in-error"),
    ]  # fmt: skip
    # told again it is a duplicate; of another plan, or of none that is known, it takes nothing back
    assert load(withdrawn, withdrawn | {"id": "c2"}) == (2, 0, 1)
    assert len(server.execute(ITEMS).fetchall()) == 6
    load(plan("active", walk="2024-03-05"))
    assert server.execute(ITEMS).fetchall()[-1] == ("walk", "2024-03-05", "final")


@pytest.mark.parametrize("order", [1, -1])
def test_a_plan_withdrawn_in_the_file_that_told_it(server: psycopg.Connection, load: Any, order: int) -> None:
    """Also a history that begins with the newest; the older version is kept, sealed, in quarantine."""
    told = load(*[plan("active", walk="2024-03-05"), plan("entered-in-error")][::order])
    assert told == ((3, 0, 0) if order == 1 else (2, 1, 0))
    latest = """select distinct on (care_plan_key) status from landing.care_plan where site = 'document'
                order by care_plan_key, load_id desc, row_number desc"""
    assert set(server.execute(latest).fetchall()) == {("entered-in-error",)}


def test_a_withdrawn_plan_that_nobody_can_tell_is_refused_alone(server: psycopg.Connection, load: Any) -> None:
    """Without a number nothing says what it takes back; its day need not be one."""
    nameless = plan("entered-in-error", walk="2024-03-05") | {"id": None, "category": []}
    assert load(plan("active", walk="2024-03-05"), nameless, nameless | {"id": " ", "activity": []}) == (2, 2, 0)
    assert load(plan("entered-in-error") | {"period": {"start": "2024-03"}}) == (2, 0, 0)
    assert server.execute(ITEMS).fetchall()[-1][-1] == "entered-in-error"


def test_a_plan_is_withdrawn_by_whose_it_is(server: psycopg.Connection, load: Any) -> None:
    other = PATIENT | {"id": "p2", "identifier": [PATIENT["identifier"][0] | {"value": "110105194912310046"}]}
    theirs = plan("entered-in-error") | {"subject": {"reference": "Patient/p2"}}
    assert load(plan("active", walk="2024-03-05")) == (2, 0, 0)
    load(plan("entered-in-error"), other, theirs)
    latest = """select distinct on (care_plan_key) status from landing.care_plan
                where site = 'document' and item = 'walk'
                order by care_plan_key, load_id desc, row_number desc"""
    assert server.execute(latest).fetchall() == [("entered-in-error",)]


def test_nothing_but_a_withdrawn_plan_lacks_its_item(server: psycopg.Connection, load: Any) -> None:
    load(plan("active", walk="2024-03-05"))
    with pytest.raises(psycopg.errors.CheckViolation, match="whole_if_withdrawn"):
        server.execute("update landing.care_plan set item = null where site = 'document'")


def test_a_later_version_of_a_plan_counts_as_a_whole(server: psycopg.Connection, load: Any) -> None:
    assert load(plan("active", walk="2024-03-05", swim="2024-03-06")) == (2, 0, 0)
    load(plan("active", walk="2024-03-05", swim="2024-04-01"))
    assert server.execute(ITEMS).fetchall() == [
        ("swim", "2024-03-06", "final"), ("walk", "2024-03-05", "final"),
        ("swim", "2024-03-06", "entered-in-error"), ("swim", "2024-04-01", "final"),
    ]  # fmt: skip
    load(plan("entered-in-error", walk="2024-03-05"))
    latest = """select distinct on (care_plan_key) status from landing.care_plan where site = 'document'
                order by care_plan_key, load_id desc, row_number desc"""
    assert set(server.execute(latest).fetchall()) == {("entered-in-error",)}


def test_a_plan_in_a_table_is_told_an_item_at_a_time(server: psycopg.Connection, tmp_path: Path) -> None:
    header = "方案编号,证件号码,计划日期,类别,项目,目标,完成,单位\n"
    for number, item in enumerate(("快走", "游泳")):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"{header}c9,11010519491231002X,2024-03-05,运动,{item},30,,min\n", encoding="utf-8")
        subprocess.run(["wellhouse", "ingest", path, "--source", "care_plan", "--site", "document"], check=True)
    assert server.execute(ITEMS).fetchall() == [("快走", "2024-03-05", "final"), ("游泳", "2024-03-05", "final")]
