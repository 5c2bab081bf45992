"""Airflow's auth manager with a second factor: Flask-AppBuilder's own, behind the gate that Superset has too.

Every token of Airflow's API names the session it was issued in, and is asked for at every request: what ends the
session ends the token (`wellhouse.signin.sessions`). ``airflow.cfg`` names it.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from flask import g, has_request_context, session
from starlette.middleware.base import RequestResponseEndpoint

from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import settings
from wellhouse.signin import service, sessions
from wellhouse.web import accounts, gate, rate_limit, signin

SERVICE = "airflow"
ACCOUNTS = "/fab/v1/"
TOKENS = frozenset({"/token", "/token/cli"})
ATTEMPTS = 20
"""A minute from one address, as at the page of the password."""


class SecurityManager(FabAirflowSecurityManagerOverride):
    """Flask-AppBuilder's, where a wrong password counts and signing off ends the session."""

    def auth_user_db(self, username: str, password: str, rotate_session_id: bool = True) -> User | None:
        user = super().auth_user_db(username, password, rotate_session_id)
        return gate.password_checked(settings(), SERVICE, self, username, user)

    def on_user_logout(self, user: User) -> None:
        signin.sign_off()


async def before(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """What FastAPI answers never meets the gate: its accounts are closed to everybody, its tokens ask who knocks."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if path.startswith(ACCOUNTS):
        return JSONResponse({"detail": accounts.MESSAGE}, 403)
    if path in TOKENS and service.HEADER not in request.headers and await run_in_threadpool(_too_often, request):
        return JSONResponse({"detail": "too many attempts: wait a minute"}, 429)
    return await call_next(request)


def _too_often(request: Request) -> bool:
    address = request.client.host if request.client else ""
    return rate_limit.PostgresStorage().incr(f"{SERVICE} token {address}", 60) > ATTEMPTS


class AuthManager(FabAuthManager):
    """Flask-AppBuilder's, which gives no token without a session and takes none whose session has ended."""

    def get_fastapi_app(self) -> FastAPI | None:
        app = super().get_fastapi_app()
        assert self.flask_app is not None
        gate.Gate(settings(), SERVICE).install(self.flask_app)
        self.flask_app.register_blueprint(signin.blueprint)
        if app is not None:
            app.middleware("http")(before)
        return app

    def create_token(self, headers: dict[str, str], body: dict[str, Any]) -> User | None:
        """Of a person by password and code, of our own programs by an assertion."""
        presented = headers.get(service.HEADER.lower())
        try:
            if presented is not None:
                g.wellhouse_session = service.begin(settings(), SERVICE, presented)
                return self.security_manager.find_user(username=service.ADMINISTRATOR)
            user = super().create_token(headers, body)
            if user is None:
                return None
            code = headers.get(gate.CODE_HEADER.lower(), "")
            g.wellhouse_session = gate.api_session(settings(), SERVICE, user.username, code)
        except UnavailableError:
            raise HTTPException(503, "unavailable") from None
        except WellhouseError:
            return None
        return user if g.wellhouse_session else None

    def serialize_user(self, user: User) -> dict[str, Any]:
        held = g.get("wellhouse_session") or (session.get(gate.SESSION) if has_request_context() else None)
        return super().serialize_user(user) | ({gate.SESSION: held} if held else {})

    def deserialize_user(self, token: dict[str, Any]) -> User:
        held = token.get(gate.SESSION)
        username = sessions.who(settings(), held) if isinstance(held, str) else None
        user = super().deserialize_user(token)
        if username is None or user.username != username:
            raise ValueError("this token is not of a live session")
        return user

    def revoke_token(self, token: str) -> None:
        """Signing off in Airflow's own pages."""
        import jwt

        claims = jwt.decode(token, options={"verify_signature": False})
        super().revoke_token(token)
        held = claims.get(gate.SESSION)
        sessions.end(settings(), held if isinstance(held, str) else None)
