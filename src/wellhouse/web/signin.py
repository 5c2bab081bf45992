"""The pages of the second factor: enrolment with its QR code, recovery codes, and the code at each sign-in."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, Response, current_app, jsonify, redirect, request, session
from flask_login import current_user, login_user, logout_user

from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.signin import factor, service, sessions
from wellhouse.web.gate import SESSION, Gate
from wellhouse.web.page import page
from wellhouse.web.texts import texts

blueprint = Blueprint(
    "wellhouse_signin", __name__, url_prefix="/wellhouse", template_folder="templates", static_folder="static"
)

SHOWN = "wellhouse_shown"
"""What the session cookie of somebody who makes their factor holds: the mark of the secret they were shown."""

programs = Blueprint("wellhouse_programs", __name__, url_prefix="/wellhouse")
"""Superset's; Airflow has a path for tokens of its own."""


def gate() -> Gate:
    found: Gate = current_app.extensions["wellhouse_gate"]
    return found


@blueprint.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> Any:
    """Ask for a code; who has no factor yet makes one here."""
    if not current_user.is_authenticated:
        return redirect(f"{request.script_root}/login/")
    of, username = gate().of, str(current_user.username)
    if sessions.who(of, session.get(SESSION)) == username:
        return redirect(_next())
    if of.oidc_issuer and gate().service == "superset":
        return _refused("provider")
    if (state := sessions.state(of, username)) != "active":
        return _refused(state)
    answer = request.form.get("code", "")
    try:
        if factor.confirmed(of, username):
            if request.method == "POST" and factor.verify(of, username, answer):
                return _begin(username)
            return _page("code.html", 401 if request.method == "POST" else 200)
        if request.method == "POST":
            codes = factor.confirm(of, username, answer)
            if codes is not None:
                target = _next()
                _begin(username)
                return _page("recovery.html", 200, codes=codes, target=target)
        return _enrolment(factor.enrol(of, username, session.get(SHOWN)), 401 if request.method == "POST" else 200)
    except UnavailableError:
        raise
    except WellhouseError:
        return _refused("factor")


@programs.route("/token", methods=["POST"])
def token() -> Response:
    """A bearer token for our own programs, which sign in by an assertion (``wellhouse.signin.service``)."""
    from flask_jwt_extended import create_access_token

    try:
        held = service.begin(gate().of, gate().service, request.headers.get(service.HEADER, ""))
    except UnavailableError:
        raise
    except WellhouseError:
        answer = jsonify(message="the assertion is not valid")
        answer.status_code = 401
        return answer
    user = current_app.appbuilder.sm.find_user(username=service.ADMINISTRATOR)  # type: ignore[attr-defined]
    return jsonify(access_token=create_access_token(str(user.id), additional_claims={SESSION: held}))


def sign_off() -> None:
    """The session ends on the server too: a copy of its cookie is worth nothing afterwards."""
    sessions.end(gate().of, session.pop(SESSION, None))


def _refused(reason: str) -> Any:
    """Signed off again, and told why: a key of ``refused`` in texts.yaml."""
    words = texts()["refused"]
    logout_user()
    session.clear()
    return _page("refused.html", 403, reason=words.get(reason, words["unknown"]))


def _begin(username: str) -> Any:
    """A new session, its cookie with nothing of the one before."""
    target, user, chosen = _next(), current_user._get_current_object(), session.get("locale")
    held = sessions.begin(gate().of, username, gate().service)
    session.clear()
    login_user(user, remember=False)
    session[SESSION] = held
    if chosen:
        session["locale"] = chosen
    return redirect(target)


def _enrolment(enrolment: factor.Enrolment, status: int) -> Any:
    session[SHOWN] = enrolment.mark
    picture = segno.make(enrolment.uri, error="m").svg_inline(scale=5, border=4, dark="#16323a", svgclass=None)
    groups = " ".join(enrolment.secret[i : i + 4] for i in range(0, len(enrolment.secret), 4))
    return _page("enrol.html", status, picture=picture, secret=groups)


def _page(template: str, status: int, **values: Any) -> Any:
    return page(template, wrong=status == 401, **values), status


def _next() -> str:
    """Where the reader wanted to go; only ever a path of this site."""
    asked = request.args.get("next", "")
    inside = asked.startswith("/") and not asked.startswith(("//", "/\\")) and "\\" not in asked
    return f"{request.script_root}{asked}" if inside and asked.isprintable() else f"{request.script_root}/"
