"""Reports by e-mail through a real mail server: each with its recipient's rows and nobody else's, sealed, once."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msoffcrypto
import psycopg
import pytest
import pyzipper
from msoffcrypto.exceptions import InvalidKeyError
from openpyxl import load_workbook
from pypdf import PdfReader

from tests.conftest import run
from tests.mail_server import mail_server, parsed
from wellhouse import mail
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.reports import deliver
from wellhouse.reports.deliver import FAILED, REFUSED, SENT
from wellhouse.settings import Settings, settings

TODAY = dt.date(2026, 11, 25)
MONDAY = dt.date(2026, 11, 23)
PLAN = {
    "reports": {
        "work": {
            "title": {"zh": "随访", "en": "Follow-up"},
            "dashboard": "follow-up",
            "charts": ["work-due", "work-list", "work-by-tag"],
        },
        "population": {
            "title": {"zh": "人群", "en": "Population"},
            "dashboard": "population-health",
            "charts": ["population-coverage", "population-spread"],
        },
        "operations": {"title": {"zh": "运行", "en": "Operations"}, "dashboard": "operations", "charts": ["ops-loads"]},
    },
    "subscriptions": [
        {"report": report, "recipient": recipient, "every": "week", "language": "zh"}
        for report, recipient in (
            ("work", "manager_hz"), ("work", "report_sh"), ("population", "management"), ("operations", "analyst_hz"),
        )
    ],
}  # fmt: skip


def configured(folder: Path, plan: dict[str, Any], port: int) -> Settings:
    file = folder / "reports.yaml"
    file.write_text(json.dumps(plan, ensure_ascii=False))
    of = settings()
    smtp = {"alert_smtp_host": "localhost", "alert_smtp_port": port, "alert_ca": of.tls / "ca.crt"}
    return of.model_copy(update={"reports": file, **smtp})


@pytest.fixture(scope="module")
def addressed(superset_url: str, truth: psycopg.Connection) -> Iterator[None]:
    names = sorted({str(s["recipient"]) for s in PLAN["subscriptions"]})  # type: ignore[index]
    run("wellhouse", "user", "add", "report_sh", "--role", "health_manager", "--site", "sh")
    for name in names:
        readers.set_email(settings(), name, f"{name}@example.org")
    yield
    for name in names:
        readers.set_email(settings(), name, None)
    truth.execute("delete from ops.report")
    run("wellhouse", "user", "revoke", "report_sh")


@pytest.fixture(scope="module")
def sent(addressed: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A server without TLS first, then the right one, twice."""
    folder = tmp_path_factory.mktemp("reports")
    with mail_server(settings(), tls=False) as (port, mails):
        plain = deliver.send_due(configured(folder, PLAN, port), TODAY)
        assert mails == []
    with mail_server(settings(), tls=True) as (port, mails):
        first = deliver.send_due(configured(folder, PLAN, port), TODAY)
        again = deliver.send_due(configured(folder, PLAN, port), TODAY)
    return {"plain": plain, "first": first, "again": again, "mails": [parsed(m) for m in mails]}


def attachment(sent: dict[str, Any], recipient: str, kind: str) -> bytes:
    (mail,) = [m for m in sent["mails"] if m["To"] == f"{recipient}@example.org"]
    (part,) = [p for p in mail.iter_attachments() if p.get_filename().endswith(kind)]
    return bytes(part.get_content())


def opened(sealed: bytes, password: str) -> dict[str, list[tuple[Any, ...]]]:
    file, out = msoffcrypto.OfficeFile(io.BytesIO(sealed)), io.BytesIO()
    file.load_key(password=password, verify_password=True)
    file.decrypt(out)
    return {s.title: list(s.iter_rows(values_only=True)) for s in load_workbook(out)}


def test_whom_it_reached(sent: dict[str, Any]) -> None:
    assert {o.status for o in sent["plain"] if o.recipient != "analyst_hz"} == {FAILED}, "no TLS, no report"
    outcomes = {(o.report, o.recipient): o.status for o in sent["first"]}
    assert outcomes == {
        ("work", "manager_hz"): SENT, ("work", "report_sh"): SENT, ("population", "management"): SENT,
        ("operations", "analyst_hz"): REFUSED,
    }  # fmt: skip
    assert sorted(m["To"] for m in sent["mails"]) == [
        "management@example.org", "manager_hz@example.org", "report_sh@example.org"
    ]  # fmt: skip
    assert [o.status for o in sent["again"]] == [REFUSED], "what was sent is sent once a period"


@pytest.mark.parametrize(("recipient", "site"), [("manager_hz", "hz"), ("report_sh", "sh")])
def test_each_gets_their_own_rows_sealed(
    sent: dict[str, Any], truth: psycopg.Connection, recipient: str, site: str
) -> None:
    password = settings().secret(f"report_password_{recipient}")
    sealed = attachment(sent, recipient, ".xlsx")
    with pytest.raises(InvalidKeyError):
        opened(sealed, "wrong")
    sheets = opened(sealed, password)
    (head, *rows) = next(v for k, v in sheets.items() if "Work list" in k)
    where = head.index(next(h for h in head if "Site" in str(h)))
    assert {row[where] for row in rows} == {site}
    (due,) = truth.execute(
        "select count(*) from marts.fct_follow_up_due where site = %s and due_status in ('open', 'overdue')", (site,)
    ).fetchall()
    assert next(v for k, v in sheets.items() if "Due" in k)[1][0] == due[0]
    pdf = PdfReader(io.BytesIO(attachment(sent, recipient, ".pdf")))
    assert pdf.is_encrypted
    assert pdf.decrypt("wrong") == 0
    assert pdf.decrypt(password) != 0
    assert pdf.trailer["/Encrypt"]["/CF"]["/StdCF"]["/CFM"] == "/AESV3", "AES-256"
    with pyzipper.AESZipFile(io.BytesIO(attachment(sent, recipient, ".csv.zip"))) as file:
        file.setpassword(password.encode())
        told = {each["name"]: each for each in json.loads(file.read("manifest.json"))["files"]}
        listed = list(csv.reader(io.StringIO(file.read("work-list.csv").decode("utf-8-sig"))))
    assert list(told) == ["work-due.csv", "work-list.csv", "work-by-tag.csv"]
    assert [[str("" if c is None else c) for c in row] for row in (head, *rows)] == listed
    assert (told["work-list.csv"]["rows"], told["work-list.csv"]["truncated"]) == (len(rows), len(rows) == 200)
    page = "".join(p.extract_text() for p in pdf.pages)
    assert f"{due[0]:,}" in page
    assert recipient in page


def test_aggregates_are_open_and_right(sent: dict[str, Any], truth: psycopg.Connection) -> None:
    book = load_workbook(io.BytesIO(attachment(sent, "management", ".xlsx")))
    (head, *rows) = book.worksheets[0].iter_rows(values_only=True)
    at = [head.index(next(h for h in head if word in str(h))) for word in ("Year", "Site", "People")]
    expected = truth.execute(
        "select exam_year, site, sum(person_count) from population.rpt_population_coverage group by 1, 2"
    ).fetchall()
    found = {tuple(row[i] for i in at) for row in rows}
    assert found == {(year, site, int(people)) for year, site, people in expected}


def test_the_envelope_tells_of_nobody(sent: dict[str, Any], truth: psycopg.Connection) -> None:
    for each in sent["mails"]:
        assert each["Subject"] in ("[Wellhouse] 随访 2026-11-23", "[Wellhouse] 人群 2026-11-23")
        body = each.get_body().get_content()
        assert "权限" in body
        assert all(name not in body for name in ("report_password", settings().secret("reader_key")))


def test_every_report_is_audited_with_its_persons(sent: dict[str, Any], truth: psycopg.Connection) -> None:
    password = settings().secret("report_password_manager_hz")
    rows = next(v for k, v in opened(attachment(sent, "manager_hz", ".xlsx"), password).items() if "Work list" in k)
    column = rows[0].index(next(h for h in rows[0] if "Person" in str(h)))
    persons = {int(row[column]) for row in rows[1:]}
    events = truth.execute(
        "select persons from audit.event where reader = 'wh_u_manager_hz' and purpose = 'scheduled report work'"
    ).fetchall()
    assert events
    assert all(set(read) == persons for (read,) in events)
    periods = truth.execute("select distinct period from ops.report").fetchall()
    assert periods == [(MONDAY,)]


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("revoked", "revoked_at = now()"),
        ("expired", "valid_until = now() - interval '1 s'"),
        ("unreviewed", "review_due = now() - interval '1 s'"),
        ("without an address", "email = null"),
    ],
)
def test_who_has_no_right_any_more_gets_nothing(
    superset_url: str, truth: psycopg.Connection, tmp_path: Path, state: str, change: str
) -> None:
    name = "leaver_report"
    subprocess.run(["wellhouse", "user", "add", name, "--role", "health_manager", "--site", "hz"], check=True)
    subprocess.run(["wellhouse", "user", "email", name, f"{name}@example.org"], check=True, capture_output=True)
    truth.execute(f"update access.reader set {change} where username = %s", (name,))  # type: ignore[arg-type]  # noqa: S608
    plan = PLAN | {"subscriptions": [{"report": "work", "recipient": name, "every": "day", "language": "en"}]}
    try:
        with mail_server(settings(), tls=True) as (port, mails):
            (outcome,) = deliver.send_due(configured(tmp_path, plan, port), TODAY)
        assert (outcome.status, mails) == (REFUSED, [])
        assert (state if change.startswith(("rev", "val")) else "no e-mail address") in outcome.reason
    finally:
        truth.execute(
            "update access.reader set revoked_at = now(), valid_until = null, email = null where username = %s", (name,)
        )


def test_a_server_of_another_name_gets_nothing(addressed: None, tmp_path: Path) -> None:
    with mail_server(settings(), tls=True) as (port, mails):
        of = configured(tmp_path, PLAN, port).model_copy(update={"alert_ca": None})
        message = EmailMessage()
        message["From"], message["To"] = "a@example.org", "b@example.org"
        with pytest.raises(WellhouseError, match="SSLCertVerificationError"):
            mail.send(of, message)
        # our authority, another name than the certificate's
        with pytest.raises(WellhouseError, match="SSLCertVerificationError"):
            mail.send(of.model_copy(update={"alert_ca": of.tls / "ca.crt", "alert_smtp_host": "127.1"}), message)
    assert mails == []


def test_a_mistake_in_the_plan_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "reports.yaml"
    file.write_text("reports: {}\nsubscriptions: [{report: x, recipient: y, every: year, language: zh}]\n")
    done = subprocess.run(
        ["wellhouse", "report", "send", "--on", "2026-11-25"],
        env=os.environ | {"WELLHOUSE_REPORTS": str(file), "WELLHOUSE_ALERT_SMTP_HOST": "localhost"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "subscriptions.0.every" in done.stderr
