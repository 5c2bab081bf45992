"""Where a reader is sent after signing in, and which paths are open before."""

from __future__ import annotations

import pytest
from flask import Flask

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
