"""What Superset's charts cannot show: a person's page, their summary, a call, the work list, and what one may see.

Every route reads with the reader's own database role, is audited before the first byte, and answers the same to "there
is none" and "not yours".
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, request
from flask_login import current_user

from wellhouse import audit, db, exports
from wellhouse.access import recordings
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings
from wellhouse.summaries import summary as summaries
from wellhouse.summaries.wording import Language, wording
from wellhouse.web import reading, sparkline
from wellhouse.web.page import page, unavailable
from wellhouse.web.signin import gate
from wellhouse.web.texts import language, texts

blueprint = Blueprint("wellhouse_pages", __name__, url_prefix="/wellhouse")
PURPOSE = "care"
MOST_ROWS = 5_000
SHOWN_TRENDS = 60
MEDIA = {"wav": "audio/wav", "mp3": "audio/mpeg"}


blueprint.register_error_handler(UnavailableError, unavailable)


@blueprint.errorhandler(WellhouseError)
@blueprint.errorhandler(404)
def _not_there(_: Any) -> Any:
    """Not there, not yours, erased: one answer."""
    return page("not_found.html"), 404


@blueprint.route("/people/<int:person_key>")
def person(person_key: int) -> Any:
    """A person as their own site knows them; a health manager sees who it is, an analyst a code."""
    with _as_me() as connection:
        role = reading.role(connection)
        if role not in db.BY_SITE:
            abort(404)
        found = reading.rows(connection, reading.PERSON, person_key)
        if not found:
            abort(404)
        identified = role == db.IDENTIFIED
        _audited("reveal" if identified else "read", "person page", [person_key], 1)
        who, site = found[0], found[0]["site"]
        values = {
            "tags": reading.rows(connection, reading.TAGS, person_key, site),
            "due": reading.rows(connection, reading.DUE, person_key, site),
            "advice": reading.rows(connection, reading.ADVICE, person_key, site),
            "recordings": reading.rows(connection, reading.RECORDINGS, person_key) if identified else [],
            "trends": sparkline.series(reading.rows(connection, reading.TRENDS, person_key, site)),
        }
    names = reading.identities(_of(), [(person_key, site)]) if identified else {}
    unit = wording(_of().root / "dashboards" / "summaries", "zh" if language() == "zh" else "en").unit
    return page(
        "person.html", unit=unit, person=who, identity=names.get(person_key, {}), identified=identified, **values
    )


@blueprint.route("/people/<int:person_key>/summary.pdf")
def summary(person_key: int) -> Any:
    """The health summary under the reader's own rights; audited where it is collected."""
    lang: Language = "zh" if request.args.get("lang", language()) == "zh" else "en"
    pdf = summaries.summary(_of(), person_key, lang, _me())
    name = f"health_summary_{person_key}_{lang}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"'} | exports.described(pdf, 1, False)
    return Response(pdf, mimetype="application/pdf", headers=headers)


@blueprint.route("/recordings/<int:recording_key>/audio")
def audio(recording_key: int) -> Any:
    """A call, decrypted as it is heard; a player may ask for any stretch of it."""
    recording = recordings.opened(_of(), recording_key, _me(), PURPOSE)
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": "inline", "X-Content-Type-Options": "nosniff"}
    kind = MEDIA.get(recording.media_type, "application/octet-stream")
    asked = request.range
    if asked is None or asked.units != "bytes":
        whole = recording.read(0, recording.size)
        return Response(whole, mimetype=kind, headers=headers | {"Content-Length": str(recording.size)})
    span = asked.range_for_length(recording.size)
    if span is None:
        return Response(status=416, headers=headers | {"Content-Range": f"bytes */{recording.size}"})
    start, stop = span
    headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{recording.size}", "Content-Length": str(stop - start)}
    return Response(recording.read(start, stop), 206, mimetype=kind, headers=headers)


@blueprint.route("/work-list.csv")
def work_list_csv() -> Any:
    rows, truncated = _work_list()
    return _file(exports.csv_bytes(rows), "text/csv; charset=utf-8", "work_list.csv", len(rows) - 1, truncated)


@blueprint.route("/work-list.xlsx")
def work_list_xlsx() -> Any:
    rows, truncated = _work_list()
    return _file(exports.xlsx_bytes(rows), exports.XLSX, "work_list.xlsx", len(rows) - 1, truncated)


@blueprint.route("/me")
def me() -> Any:
    """Which rows the policy lets the reader see, and until when."""
    role, until, sites = reading.scope(_of(), _me())
    zone = ZoneInfo(_of().timezone)
    shown = [(site, _day(end, zone)) for site, end in sites]
    return page("me.html", role=role, until=_day(until, zone), sites=shown)


def _work_list() -> tuple[list[list[Any]], bool]:
    """Head and rows with contact details, for health managers only; and whether there are more than these."""
    with _as_me() as connection:
        if reading.role(connection) != db.IDENTIFIED:
            abort(404)
        due = reading.rows(connection, reading.WORK_LIST, MOST_ROWS + 1)
    due, truncated = due[:MOST_ROWS], len(due) > MOST_ROWS
    _audited("export", "work list", sorted({int(d["person_key"]) for d in due}), len(due))
    names = reading.identities(_of(), [(d["person_key"], d["site"]) for d in due])
    head, lang = texts()["work_list"], language()
    rows: list[list[Any]] = [list(head.values())]
    for d in due:
        who = names.get(d["person_key"], {})
        known = d | {"name": who.get("name", ""), "phone": who.get("phone", ""), "text": d[f"text_{lang}"]}
        rows.append([str(known[c]) if c == "person_key" else known[c] for c in head])
    return rows, truncated


def _file(data: bytes, kind: str, name: str, rows: int, truncated: bool) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} | exports.described(data, rows, truncated)
    return Response(data, content_type=kind, headers=headers)


def _audited(action: str, path: str, persons: list[int], rows: int) -> None:
    audit.record(_of(), audit.reader(_me()), action=action, path=path, purpose=PURPOSE, persons=persons, rows=rows)


def _as_me() -> Any:
    return reading.as_reader(_of(), _me())


def _of() -> Settings:
    return gate().of


def _me() -> str:
    return str(current_user.username)


def _day(moment: dt.datetime | None, zone: ZoneInfo) -> str:
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
