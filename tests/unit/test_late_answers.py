"""An answer to what a page asked in the background may come after its reader signed in: it brings no cookie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_login import LoginManager, current_user

from wellhouse.settings import settings
from wellhouse.web import gate

Client = Callable[[bool], FlaskClient]


@pytest.fixture
def client() -> Client:
    """As Superset has it: whoever asks is looked up in a session that Flask-Login protects."""

    def made(gated: bool) -> FlaskClient:
        app = Flask(__name__)
        app.secret_key = "of this test"  # noqa: S105
        app.config["SESSION_PROTECTION"] = "strong"
        manager = LoginManager(app)
        manager.user_loader(lambda _: None)
        if gated:
            gate.Gate(settings(), "superset", frozenset({"/page", "/log"})).install(app)

        @app.get("/page")
        def page() -> str:
            session["asked"] = True
            return "a form"

        @app.post("/log")
        def log() -> str:
            return str(current_user.is_authenticated)

        return app.test_client()

    return made


def late(client: FlaskClient, mode: str) -> bool:
    """Whether the answer to a page's own report sets the session's cookie again."""
    client.get("/page", headers={"Sec-Fetch-Mode": "navigate"})
    assert client.get_cookie("session") is not None
    sent = client.post("/log", headers={"Sec-Fetch-Mode": mode}).headers.getlist("Set-Cookie")
    return any(cookie.startswith("session=") for cookie in sent)


@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin"])
def test_flask_login_alone_would_set_it_and_the_gate_does_not(client: Client, mode: str) -> None:
    assert late(client(False), mode) is True
    assert late(client(True), mode) is False


def test_a_page_that_is_gone_to_may_set_it(client: Client) -> None:
    assert late(client(True), "navigate") is True
