"""Our own pages: whose rights, what is audited, what a spreadsheet makes of a file."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from tests.identified import UNAVAILABLE
from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.settings import settings
from wellhouse.signin import sessions

People = Callable[[str], Any]
NOBODY = 17
OTHERS = ("analyst_sh", "management", "administrator", "auditor")


@pytest.fixture(scope="module")
def subject(truth: psycopg.Connection) -> int:
    """Somebody of hz only, with a recorded call."""
    row = truth.execute(
        """select p.person_key from marts.dim_person p join marts.fct_call_recording r using (person_key, site)
           where site = 'hz' and p.exam_count > 1
             and not exists (select from marts.dim_person o where o.person_key = p.person_key and o.site <> 'hz')
           order by 1 limit 1"""
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def call(truth: psycopg.Connection, subject: int) -> tuple[int, str]:
    """The number of one of their recordings, and the hash of its audio."""
    row = truth.execute(
        "select recording_key, audio_sha256 from marts.fct_call_recording where person_key = %s order by 1 limit 1",
        (subject,),
    ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


@pytest.fixture(scope="module")
def identity(subject: int) -> dict[str, str]:
    with db.connect("wh_identity", settings()) as connection, Keyring.open(settings()) as keyring:
        return reveal(connection, keyring, subject)


@pytest.fixture
def events(truth: psycopg.Connection) -> Callable[[], list[tuple[Any, ...]]]:
    """What was audited since the test began, but for signing in."""
    begin = truth.execute("select max(event_id) from audit.event").fetchone()
    assert begin is not None

    def since() -> list[tuple[Any, ...]]:
        return truth.execute(
            """select reader, action, path, persons, rows from audit.event
               where event_id > %s and action not in ('sign_in', 'enrol') order by event_id""",
            (begin[0],),
        ).fetchall()

    return since


def get(person: Any, path: str, **options: Any) -> httpx.Response:
    return person.browser.get(
        f"/wellhouse{path}", headers={"Accept": "text/html"} | options.pop("headers", {}), **options
    )


def test_a_health_manager_sees_who_it_is_and_is_audited(
    person: People, subject: int, identity: dict[str, str], events: Callable[[], Any]
) -> None:
    manager = person("manager_hz")
    page = get(manager, f"/people/{subject}", params={"lang": "zh"})
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert identity["name"] in page.text
    assert "summary.pdf" in page.text
    assert "/audio" in page.text
    assert events() == [("wh_u_manager_hz", "reveal", "person page", [subject], 1)]


def test_an_analyst_sees_a_code(
    person: People, subject: int, identity: dict[str, str], events: Callable[[], Any]
) -> None:
    page = get(person("analyst_hz"), f"/people/{subject}", params={"lang": "en"})
    assert page.status_code == 200
    for word in ("name", "id_number", "phone"):
        assert identity[word] not in page.text
    assert "/audio" not in page.text
    assert events() == [("wh_u_analyst_hz", "read", "person page", [subject], 1)]


@pytest.mark.parametrize("what", ["/people/{}", "/people/{}/summary.pdf"])
@pytest.mark.parametrize("username", OTHERS)
def test_not_yours_and_not_there_are_the_same_answer(
    person: People, subject: int, username: str, what: str, events: Callable[[], Any]
) -> None:
    foreign, missing = (get(person(username), what.format(key)) for key in (subject, NOBODY))
    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text
    assert events() == []


@pytest.mark.parametrize("username", [*OTHERS, "analyst_hz"])
def test_a_call_and_the_work_list_are_a_health_managers_only(
    person: People, call: tuple[int, str], username: str
) -> None:
    reader = person(username)
    answers = [
        get(reader, p)
        for p in (f"/recordings/{call[0]}/audio", "/recordings/1/audio", "/work-list.csv", "/work-list.xlsx")
    ]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1


def test_a_summary_is_a_pdf_with_the_readers_own_rights(person: People, subject: int, identity: dict[str, str]) -> None:
    def text(answer: httpx.Response) -> str:
        return "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)

    path = f"/people/{subject}/summary.pdf"
    manager, analyst = (get(person(u), path, params={"lang": "zh"}) for u in ("manager_hz", "analyst_hz"))
    assert manager.headers["Content-Type"] == "application/pdf"
    assert manager.headers["Cache-Control"] == "no-store"
    assert manager.headers["X-Wellhouse-SHA256"] == hashlib.sha256(manager.content).hexdigest()
    assert identity["name"] in text(manager)
    assert identity["name"] not in text(analyst)
    assert get(person("analyst_hz"), path, params={"lang": "en"}).content != analyst.content


def test_a_call_is_heard_whole_or_in_part(person: People, call: tuple[int, str], events: Callable[[], Any]) -> None:
    manager, path = person("manager_hz"), f"/recordings/{call[0]}/audio"
    whole = get(manager, path)
    assert whole.status_code == 200
    assert hashlib.sha256(whole.content).hexdigest() == call[1]
    assert [e[:3] for e in events()] == [("wh_u_manager_hz", "read", "recording")]
    for asked, start, stop in (("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-44", -44, None)):
        part = get(manager, path, headers={"Range": asked})
        assert part.status_code == 206
        assert part.content == whole.content[start:stop]
        assert part.headers["Content-Range"].endswith(f"/{len(whole.content)}")
    assert get(manager, path, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_the_work_list_says_how_much_it_holds(
    person: People, truth: psycopg.Connection, events: Callable[[], Any]
) -> None:
    due = truth.execute(
        "select count(*), array_agg(distinct person_key order by person_key) from marts.fct_follow_up_due"
        " where site = 'hz' and due_status in ('open', 'overdue')"
    ).fetchone()
    assert due is not None
    assert due[0] > 5
    answer = get(person("manager_hz"), "/work-list.csv", params={"lang": "zh"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) - 1 == due[0]
    assert answer.headers["X-Wellhouse-Rows"] == str(due[0])
    assert answer.headers["X-Wellhouse-Truncated"] == "false"
    assert answer.headers["X-Wellhouse-SHA256"] == hashlib.sha256(answer.content).hexdigest()
    assert rows[0][4:6] == ["姓名", "电话"]
    assert all(r[4] for r in rows[1:])
    assert events() == [("wh_u_manager_hz", "export", "work list", due[1], due[0])]
    book = load_workbook(io.BytesIO(get(person("manager_hz"), "/work-list.xlsx", params={"lang": "zh"}).content))
    assert [str(c.value) for c in book.worksheets[0][1]] == rows[0]
    assert book.worksheets[0].max_row == len(rows)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_the_audit_nothing_is_shown(
    person: People, truth: psycopg.Connection, subject: int, call: tuple[int, str], language: str
) -> None:
    manager = person("manager_hz")
    truth.execute("alter role wh_audit nologin")
    truth.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'wh_audit'")
    try:
        for path in (
            f"/people/{subject}",
            f"/people/{subject}/summary.pdf",
            f"/recordings/{call[0]}/audio",
            "/work-list.csv",
        ):
            answer = get(manager, path, params={"lang": language})
            assert answer.status_code == 503, path
            assert UNAVAILABLE[language] in answer.text
    finally:
        truth.execute("alter role wh_audit login")
    assert get(manager, f"/people/{subject}").status_code == 200


@pytest.mark.parametrize(("username", "role"), [("manager_hz", "health manager"), ("management", "management")])
def test_every_page_says_what_the_policy_shows(person: People, username: str, role: str) -> None:
    reader = person(username)
    page = reader.browser.get("/superset/welcome/", headers={"Accept": "text/html"}).text
    assert 'id="wellhouse-scope"' in page
    mine = get(reader, "/me", params={"lang": "en"}).text
    assert role in mine
    assert ("<td>hz</td>" in mine) == (username == "manager_hz")


def test_superset_exports_say_how_much_they_hold(person: People) -> None:
    answer = person("analyst_hz").chart("marts.fct_exam", ["site", "exam_year"], kind="csv", row_limit=3)
    assert answer.headers["X-Wellhouse-Rows"] == "3"
    assert answer.headers["X-Wellhouse-Truncated"] == "true"
    assert answer.headers["X-Wellhouse-SHA256"] == hashlib.sha256(answer.content).hexdigest()
    book = person("analyst_hz").chart("marts.fct_exam", ["site", "exam_year"], kind="xlsx")
    rows = load_workbook(io.BytesIO(book.content)).worksheets[0].max_row - 1
    assert book.headers["X-Wellhouse-Rows"] == str(rows)


def test_our_pages_are_behind_the_gate(superset_url: str, subject: int, person: People) -> None:
    person("manager_hz")
    with httpx.Client(base_url=superset_url, verify=str(settings().tls / "ca.crt"), trust_env=False) as http:
        for path in ("/people/17", "/people/17/summary.pdf", "/recordings/1/audio", "/work-list.csv", "/me"):
            answer = http.get(f"/wellhouse{path}")
            assert answer.status_code in (302, 401), path


@pytest.fixture
def leaver(superset_url: str) -> Iterator[Callable[[], str]]:
    """``leaver()``: an analyst who is cleared, again and again."""

    def cleared() -> str:
        subprocess.run(["wellhouse", "user", "add", "goer", "--role", "analyst", "--site", "cd"], check=True)
        return "goer"

    yield cleared
    subprocess.run(["wellhouse", "user", "revoke", "goer"], check=True)


def test_a_session_of_before_does_not_come_back(leaver: Callable[[], str]) -> None:
    name = leaver()
    held = sessions.begin(settings(), name, "test")
    subprocess.run(["wellhouse", "user", "revoke", name], check=True)
    assert sessions.who(settings(), held) is None
    leaver()
    assert sessions.who(settings(), held) is None
