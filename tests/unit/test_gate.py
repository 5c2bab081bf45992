"""Where a reader is sent after signing in, and which paths are open before."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager

from tests.identified import UNAVAILABLE
from wellhouse.settings import Settings
from wellhouse.web import gate, signin


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/superset/dashboard/x/?a=1", "/superset/dashboard/x/?a=1"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\tb", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
    ],
)
def test_the_way_back_stays_on_this_site(asked: str, sent: str) -> None:
    with Flask(__name__).test_request_context("/wellhouse/second-factor", query_string={"next": asked}):
        assert signin._next() == sent


def test_open_paths_are_an_exact_list() -> None:
    """Who adds one here has thought about it."""
    assert {"/health", "/healthcheck", "/ping", "/login", "/login/", "/logout/", "/wellhouse/token"} == gate.OPEN
    assert {"/wellhouse/second-factor"} == gate.BEFORE_THE_FACTOR


@pytest.mark.parametrize("language", ["zh", "en"])
def test_who_is_signed_in_cannot_be_asked_and_nobody_passes(caplog: pytest.LogCaptureFixture, language: str) -> None:
    app, sign_in = Flask(__name__), LoginManager()
    app.secret_key = "not one"  # noqa: S105
    sign_in.init_app(app)

    @sign_in.request_loader
    def away(_: Any) -> Any:
        raise OSError("the database is away")

    app.register_blueprint(signin.blueprint)
    gate.Gate(Settings(), "superset").install(app)
    with app.test_client() as client:
        page = client.get(f"/superset/welcome/?lang={language}", headers={"Accept": "text/html"})
        program = client.get("/api/v1/chart/")
    assert page.status_code == program.status_code == 503
    assert UNAVAILABLE[language] in page.text
    assert program.json == {"message": "unavailable"}
    assert "the gate cannot ask who is signed in" in caplog.text
