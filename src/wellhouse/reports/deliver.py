"""Build what is due under each recipient's own rights, seal it, and hand it to the mail server: once a period."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from dataclasses import dataclass
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from wellhouse import audit, db, exports, mail
from wellhouse.access import readers
from wellhouse.access.readers import Reader
from wellhouse.errors import WellhouseError
from wellhouse.reports import charts, plan, read
from wellhouse.reports.archive import archive
from wellhouse.reports.charts import Chart
from wellhouse.reports.document import document, persons, sheets
from wellhouse.reports.plan import Due
from wellhouse.settings import Settings
from wellhouse.summaries.render import Renderer
from wellhouse.summaries.summary import folder, locked

SENT, REFUSED, FAILED = "sent", "refused", "failed"
TEMPLATE = "report.typ"
MEDIA = {"pdf": "pdf", "xlsx": exports.XLSX.partition("/")[2], "csv.zip": "zip"}
"""An attachment's ending → what kind of application/… it is."""


@dataclass(frozen=True)
class Outcome:
    """``reason``: why not; empty when sent."""

    report: str
    recipient: str
    status: str
    reason: str = ""


def send_due(of: Settings, today: dt.date) -> list[Outcome]:
    """What of today's periods has not been sent yet. One that cannot be sent keeps no other back.

    :raises WellhouseError: no mail server is set, the plan is wrong, or Superset cannot be asked
    """
    if not of.alert_smtp_host:
        raise WellhouseError("no mail server is set (WELLHOUSE_ALERT_SMTP_HOST): no report can be sent")
    outcomes: list[Outcome] = []
    open_: list[tuple[Due, list[Chart]]] = []
    known = {r.username: r for r in readers.everyone(of)}
    for due in _unsent(of, plan.due(plan.load(of.reports), today)):
        reason = _refusal(known.get(due.recipient))
        if reason:
            outcomes.append(Outcome(due.name, due.recipient, REFUSED, reason))
        else:
            assets = of.root / "dashboards" / "assets"
            open_.append((due, charts.charts(assets, due.report.dashboard, due.report.charts)))
    if not open_:
        return outcomes
    answers = read.rows(of, [read.Order(d.recipient, d.report.dashboard, c) for d, c in open_])
    for (due, asked), answer in zip(open_, answers, strict=True):
        if answer.refused:
            outcomes.append(Outcome(due.name, due.recipient, REFUSED, answer.refused))
            continue
        try:
            outcomes.append(_deliver(of, due, asked, answer.results))
        except WellhouseError as error:
            outcomes.append(Outcome(due.name, due.recipient, FAILED, str(error)))
    return outcomes


def _unsent(of: Settings, found: list[Due]) -> list[Due]:
    with db.connect("wh_ops", of) as connection:
        sent = {tuple(row) for row in connection.execute("select report, username, period from ops.report")}
    return [d for d in found if (d.name, d.recipient, d.period) not in sent]


def _refusal(reader: Reader | None) -> str:
    if reader is None:
        return "there is no such reader"
    if not reader.active:
        return f"the reader is {reader.state}"
    return "" if reader.email else "the reader has no e-mail address"


def _deliver(of: Settings, due: Due, asked: list[Chart], results: list[list[read.Row]]) -> Outcome:
    """Audited before it leaves; the line of the ledger and the mail stand or fall together."""
    count = sum(map(len, results))
    audit.record(
        of, audit.reader(due.recipient), action="export", path="report", purpose=f"scheduled report {due.name}",
        persons=persons(results), rows=count,
    )  # fmt: skip
    pdf = _pdf(of, due, asked, results)
    with db.connect("wh_ops", of) as ledger:
        claimed = ledger.execute(
            """insert into ops.report (report, username, period, rows, sha256) values (%s, %s, %s, %s, %s)
               on conflict do nothing""",
            (due.name, due.recipient, due.period, count, hashlib.sha256(pdf).hexdigest()),
        )
        if not claimed.rowcount:  # another run was quicker
            return Outcome(due.name, due.recipient, SENT)
        reader = next((r for r in readers.everyone(of) if r.username == due.recipient), None)
        reason = _refusal(reader)  # as of now: reading took a while
        if reason or reader is None:
            ledger.rollback()
            return Outcome(due.name, due.recipient, REFUSED, reason)
        personal = any(c.personal for c in asked)
        password = of.secret(f"report_password_{due.recipient}") if personal else ""
        files = {"pdf": pdf, "xlsx": exports.workbook(sheets(asked, results))}
        if personal:
            files = {"pdf": locked(pdf, password), "xlsx": sealed_workbook(files["xlsx"], password)}
        files["csv.zip"] = archive(due.report.charts, asked, results, password)
        mail.send(of, _message(of, due, str(reader.email), files, count, personal))
    return Outcome(due.name, due.recipient, SENT)


def sealed_workbook(data: bytes, password: str) -> bytes:
    """Under AES-256 (ECMA-376 agile encryption), as Excel and WPS open it."""
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, out)
    return out.getvalue()


def _pdf(of: Settings, due: Due, asked: list[Chart], results: list[list[read.Row]]) -> bytes:
    now = dt.datetime.now(ZoneInfo(of.timezone))
    words = _words(folder(of))[due.language]
    made: dict[str, Any] = document(asked, results) | {
        "language": due.language,
        "title": due.report.title[due.language],
        "period": f"{due.period:%Y-%m-%d}",
        "rights": words["rights"].format(recipient=due.recipient),
        "made": words["made"].format(at=f"{now:%Y-%m-%d %H:%M}"),
        "rest": words["rest"],
        "empty": words["empty"],
        "page": words["page"],
    }
    return Renderer(folder(of), template=TEMPLATE).pdf(made, now)


def _message(of: Settings, due: Due, address: str, files: dict[str, bytes], rows: int, personal: bool) -> EmailMessage:
    """The subject names the report and the day, nobody and no value."""
    words = _words(folder(of))[due.language]
    message = EmailMessage()
    message["Subject"] = f"[Wellhouse] {due.report.title[due.language]} {due.period:%Y-%m-%d}"
    message["From"], message["To"] = of.alert_smtp_from, address
    lines = [words["rights"].format(recipient=due.recipient), words["rows"].format(rows=rows)]
    lines.append(words["sealed" if personal else "open"])
    message.set_content("\n\n".join(lines) + "\n")
    for ending, data in files.items():
        name = f"{due.name}_{due.period:%Y-%m-%d}.{ending}"
        message.add_attachment(data, maintype="application", subtype=MEDIA[ending], filename=name)
    return message


@lru_cache
def _words(where: Path) -> dict[str, dict[str, str]]:
    return dict(yaml.safe_load((where / "report.yaml").read_text(encoding="utf-8")))
