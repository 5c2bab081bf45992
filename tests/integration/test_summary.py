"""Health summaries over a built installation: whose rights, what is audited, and that the page says what marts say."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row
from pypdf import PdfReader

from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings
from wellhouse.summaries import numbers, summary
from wellhouse.summaries.collect import collect

pytestmark = pytest.mark.usefixtures("readers")


@dataclass(frozen=True)
class Subject:
    """A person of hz with several exams, and who they are."""

    person_key: int
    name: str
    id_number: str


@pytest.fixture(scope="module")
def readers(built: Settings) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def subject(built: Settings) -> Subject:
    with administrator(built, built.database) as connection:
        row = connection.execute(
            """select p.person_key from marts.dim_person p
               join marts.fct_exam e on (e.person_key, e.site, e.exam_date) = (p.person_key, p.site, p.last_exam_date)
               where p.site = 'hz' and p.exam_count >= 4 and e.abnormal_count >= 3
                 and not exists (select from marts.dim_person o where o.person_key = p.person_key and o.site <> 'hz')
               order by p.person_key limit 1"""
        ).fetchone()
    assert row is not None
    with db.connect("wh_identity", built) as connection, Keyring.open(built) as keyring:
        document = reveal(connection, keyring, row[0])
    return Subject(row[0], document["name"], document["id_number"])


def events(of: Settings) -> list[dict[str, Any]]:
    with db.connect("wh_ops", of, row_factory=dict_row) as connection:
        return connection.execute("select reader, action, path, persons from audit.event order by event_id").fetchall()


def text_of(pdf: bytes) -> str:
    """The pages' text without blanks: where a line breaks is the typesetter's business."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def wellhouse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["wellhouse", "summary", *arguments], capture_output=True, text=True)


def test_a_health_manager_gets_the_name_and_an_audit_record_before_it(built: Settings, subject: Subject) -> None:
    before = len(events(built))
    printed = text_of(summary.summary(built, subject.person_key, "zh", "manager_hz"))
    assert subject.name in printed
    assert subject.id_number not in printed, "an ID number is printed masked"
    assert f"*{subject.id_number[-4:]}" in printed
    read, revealed = events(built)[before:]
    assert read == {"reader": "wh_u_manager_hz", "action": "read", "path": "summary", "persons": [subject.person_key]}
    assert revealed == {
        "reader": "wh_u_manager_hz",
        "action": "reveal",
        "path": "summary",
        "persons": [subject.person_key],
    }


def test_an_analyst_gets_a_code_and_is_audited(built: Settings, subject: Subject) -> None:
    before = len(events(built))
    printed = text_of(summary.summary(built, subject.person_key, "en", "analyst_hz"))
    assert f"Personcode{subject.person_key}" in printed
    assert subject.name not in printed
    assert f"*{subject.id_number[-4:]}" not in printed
    assert [(e["reader"], e["action"]) for e in events(built)[before:]] == [("wh_u_analyst_hz", "read")]


def test_without_an_audit_record_nothing_is_read(built: Settings, subject: Subject) -> None:
    record = "function audit.record(text, text, text, text, bigint[], bigint)"
    trail = built.var / "audit" / "trail.jsonl"
    with administrator(built, built.database) as connection:
        connection.execute(f"revoke execute on {record} from wh_audit")
        try:
            with pytest.raises(WellhouseError, match="nothing was read"):
                collect(built, subject.person_key, "manager_hz")
        finally:
            connection.execute(f"grant execute on {record} to wh_audit")
    trail.rename(trail.with_suffix(".away"))
    try:
        with pytest.raises(WellhouseError, match="nothing was read"):
            collect(built, subject.person_key, "manager_hz")
    finally:
        trail.with_suffix(".away").rename(trail)


def test_not_yours_and_not_there_are_the_same_answer(built: Settings, subject: Subject, tmp_path: Path) -> None:
    output = tmp_path / "s.pdf"
    foreign = wellhouse(str(subject.person_key), "--as", "analyst_sh", "--output", str(output))
    missing = wellhouse("17", "--as", "analyst_sh", "--output", str(output))
    assert (foreign.returncode, missing.returncode) == (1, 1)
    assert foreign.stderr.replace(str(subject.person_key), "17") == missing.stderr
    assert foreign.stdout == missing.stdout == ""
    assert len(foreign.stderr.splitlines()) == 1
    assert not output.exists()


@pytest.mark.parametrize("username", ["management", "auditor", "administrator"])
def test_who_may_read_no_persons_may_print_none(username: str, subject: Subject, tmp_path: Path) -> None:
    done = wellhouse(str(subject.person_key), "--as", username, "--output", str(tmp_path / "s.pdf"))
    assert done.returncode == 1
    assert "may read no health summaries" in done.stderr


@pytest.mark.parametrize("username", ["nobody", "Robert'); drop", "postgres"])
def test_who_is_no_reader_is_told_so(username: str, subject: Subject, tmp_path: Path) -> None:
    done = wellhouse(str(subject.person_key), "--as", username, "--output", str(tmp_path / "s.pdf"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_must_be_named(subject: Subject, tmp_path: Path) -> None:
    assert wellhouse(str(subject.person_key), "--output", str(tmp_path / "s.pdf")).returncode == 2


def test_numbers_on_the_page_are_those_of_the_marts(built: Settings, subject: Subject) -> None:
    printed = text_of(summary.summary(built, subject.person_key, "zh", "analyst_hz"))
    with administrator(built, built.database) as connection:
        series: dict[str, list[float]] = {}
        for code, value in connection.execute(
            "select indicator_code, value from marts.fct_indicator_trend where person_key = %s order by exam_number",
            (subject.person_key,),
        ):
            series.setdefault(code, []).append(value)
        rows = connection.execute(
            """select i.name_zh, o.indicator_code, coalesce(o.comparator, ''), o.value, o.interpretation
               from marts.fct_observation o join marts.dim_indicator i using (indicator_code)
               where o.exam_key = (select exam_key from marts.fct_exam where person_key = %s
                                   order by exam_date desc limit 1) and o.value is not null""",
            (subject.person_key,),
        ).fetchall()
        scores = connection.execute(
            "select model, value from marts.fct_risk_score where person_key = %s and eligible and category is not null",
            (subject.person_key,),
        ).fetchall()
    assert len(rows) > 20
    marks = {"H": "↑", "L": "↓"}
    expected = [
        f"{name}{marks.get(interpretation, '')}{comparator}{numbers.number(value, numbers.decimals(series[code]))}"
        for name, code, comparator, value, interpretation in rows
    ]
    assert [e for e in expected if e.replace(" ", "") not in printed] == []
    shown = {
        "prevent_base_10y": lambda v: f"{v * 100:.1f}%",
        "ckd_epi_2021": lambda v: f"{v:.0f}mL",
        "fib_4": lambda v: f"{v:.2f}",
    }
    assert scores
    assert [m for m, v in scores if m in shown and shown[m](v) not in printed] == []


def test_nothing_of_anybody_else_is_collected(built: Settings, subject: Subject) -> None:
    facts = collect(built, subject.person_key, "analyst_hz")
    with administrator(built, built.database) as connection:
        own = connection.execute(
            "select count(*) from marts.fct_indicator_trend where person_key = %s and site = 'hz'",
            (subject.person_key,),
        ).fetchone()
    assert sum(len(s.points) for s in facts.series) == (own or [0])[0]
    assert facts.identity is None


def test_twice_the_same_bytes_and_a_password_locks_it(subject: Subject, tmp_path: Path) -> None:
    arguments = (str(subject.person_key), "--as", "manager_hz", "--lang", "en", "--output")
    for name in ("a.pdf", "b.pdf"):
        assert wellhouse(*arguments, str(tmp_path / name)).returncode == 0
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    (tmp_path / "password").write_text("correct horse\n")
    done = wellhouse(*arguments, str(tmp_path / "c.pdf"), "--password-file", str(tmp_path / "password"))
    assert done.returncode == 0, done.stderr
    assert PdfReader(tmp_path / "c.pdf").is_encrypted
    assert subject.name not in done.stdout


def test_a_person_seen_at_two_sites_is_one_sites_summary(built: Settings) -> None:
    """What the other site knows stays there, for a reader of one of them."""
    with administrator(built, built.database) as connection:
        row = connection.execute(
            """select person_key from marts.dim_person hz join marts.dim_person sh using (person_key)
               where hz.site = 'hz' and sh.site = 'sh' and least(hz.exam_count, sh.exam_count) > 0 limit 1"""
        ).fetchone()
    if row is None:
        pytest.skip("nobody of the sample was examined at both sites")
    assert collect(built, row[0], "analyst_hz").person.site == "hz"
    assert collect(built, row[0], "analyst_sh").person.site == "sh"
