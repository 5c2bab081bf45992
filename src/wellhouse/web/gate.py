"""The gate before every request: both factors were shown, and the session they began still lives.

Everything is closed but an exact list of paths: a prefix such as ``/health`` would open ``/health-summary``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, jsonify, make_response, redirect, request, session, url_for
from flask_login import current_user, logout_user

from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import factor, sessions
from wellhouse.web import accounts
from wellhouse.web.page import is_page, unavailable

SESSION = "wellhouse_session"
"""What the session cookie, or a bearer token's claim, holds."""
CODE_HEADER = "X-Wellhouse-Code"
"""The second factor of a sign-in over the API."""
OPEN = frozenset({"/health", "/healthcheck", "/ping", "/login", "/login/", "/logout/", "/wellhouse/token"})
API_SIGN_IN = "/api/v1/security/login"
"""Superset's, open where it takes passwords at all: not beside a provider of the organisation's."""
OPEN_ENDPOINTS = frozenset({"static", "appbuilder.static", "wellhouse_signin.static"})
BEFORE_THE_FACTOR = frozenset({"/wellhouse/second-factor"})
"""For whom the password is known to be right."""


@dataclass(frozen=True)
class Gate:
    """One service's; ``also_open`` are exact paths of its sign-in page."""

    of: Settings
    service: str
    also_open: frozenset[str] = frozenset()

    def install(self, app: Flask) -> None:
        app.extensions["wellhouse_gate"] = self
        app.register_error_handler(UnavailableError, unavailable)
        app.before_request(self.check)
        app.after_request(tell_unavailable)
        app.after_request_funcs.setdefault(None, []).insert(0, keep_cookie)  # so that it is asked last of all

    def check(self) -> Any:
        """None: pass."""
        if request.path in OPEN | self.also_open or request.endpoint in OPEN_ENDPOINTS:
            return None
        try:
            return self._check() or self._accounts()
        except WellhouseError:
            raise
        except Exception as error:  # the database is away: nobody passes
            current_app.logger.exception("the gate cannot ask who is signed in")
            raise UnavailableError("the gate cannot ask who is signed in") from error

    def _check(self) -> Any:
        bearer = request.headers.get("Authorization", "")
        if current_user.is_authenticated:
            if request.path in BEFORE_THE_FACTOR:
                return None
            username = sessions.who(self.of, session.get(SESSION))
            if username is not None and username == current_user.username:
                return None
            if SESSION in session:
                logout_user()
                session.clear()
                return self._to_sign_in()
            if is_page():
                return redirect(url_for("wellhouse_signin.second_factor", next=request.full_path.rstrip("?")))
            return _refused("the second factor is missing", 401)
        if bearer:
            return None if self._bearer(bearer) else _refused("this token is not of a live session", 401)
        return self._to_sign_in()

    def _accounts(self) -> Any:
        """For people they are closed; whose session it is was asked before this."""
        if not accounts.asked() or sessions.is_program(self.of, g.get("wellhouse_session")):
            return None
        return accounts.refused()

    def _bearer(self, header: str) -> bool:
        from flask_jwt_extended import decode_token

        kind, _, token = header.partition(" ")
        if kind != "Bearer":
            return False
        try:
            claims = decode_token(token)
        except Exception:  # whatever a library says of a token that is none
            return False
        held = claims.get(SESSION)
        username = sessions.who(self.of, held) if isinstance(held, str) else None
        user = current_app.appbuilder.sm.get_user_by_id(int(claims["sub"])) if username else None  # type: ignore[attr-defined]
        if user is None or user.username != username:
            return False
        g.wellhouse_session = held  # a refreshed token is of the same session
        return True

    def _to_sign_in(self) -> Any:
        if is_page():
            target = urlencode({"next": request.full_path.rstrip("?")})
            return redirect(f"{request.script_root}/login/?{target}")
        return _refused("sign in first", 401)


def password_checked(of: Settings, service: str, manager: Any, typed: str, user: Any) -> Any:
    """What follows a password: count a wrong one, let a locked reader wait, and over the API ask for the code at once.

    :param manager: Flask-AppBuilder's, which knows the accounts
    :param typed: what stood where a username is asked for
    :param user: the account that the password opened, or None
    """
    if user is None:
        factor.failed(of, _account(manager, typed))
        return None
    if factor.locked(of, user.username):
        return None
    if request and request.path == API_SIGN_IN:
        try:
            g.wellhouse_session = api_session(of, service, user.username, request.headers.get(CODE_HEADER, ""))
        except UnavailableError as error:
            g.wellhouse_unavailable = error  # raised here it would be an error of the program's
            return None
        return user if g.wellhouse_session else None
    return user


def _account(manager: Any, typed: str) -> str:
    """Whose password was tried: Flask-AppBuilder finds an account by its name in any case, and by its address."""
    found = manager.find_user(username=typed) or manager.find_user(email=typed)
    return str(found.username) if found else typed


def api_session(of: Settings, service: str, username: str, code: str) -> str | None:
    """A session for a program that showed both factors; None: the second was wrong.

    :raises UnavailableError: what comes first is away
    """
    if not factor.verify(of, username, code):
        return None
    try:
        return sessions.begin(of, username, f"{service} api")
    except UnavailableError:
        raise
    except WellhouseError:
        return None


def claims(_identity: Any) -> dict[str, Any]:
    """Every token of the API names the session it was issued in."""
    held = g.get("wellhouse_session")
    return {SESSION: held} if held else {}


def tell_unavailable(response: Response) -> Response:
    """Who showed the right password and code is not told that they were wrong."""
    error = g.pop("wellhouse_unavailable", None)
    return response if error is None else make_response(unavailable(error))


def keep_cookie(response: Response) -> Response:
    """What a page asks in the background brings nobody who is not signed in another cookie.

    The page of the password reports itself to Superset's log, and Flask-Login writes into the session of whoever asks
    anonymously, each time: an answer that came after the sign-in would put the cookie of before it back.
    """
    in_background = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    if in_background and SESSION not in session:
        session.modified = False
    return response


def _refused(message: str, status: int) -> Response:
    answer = jsonify(message=message)
    answer.status_code = status
    return answer
