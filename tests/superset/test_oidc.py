"""Signing in at a real OpenID Connect provider: with two factors one comes in, with less nobody does."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from oidc_provider_mock import User, run_server_in_thread

from wellhouse.settings import PROJECT_ROOT

# Superset itself with its own configuration, asked as a browser asks; the provider is a server of its own.
_BROWSER = """
import json, sys
from urllib.parse import urlsplit
import httpx
from superset.app import create_app
from tests.second_factor import code
from wellhouse.settings import settings
from wellhouse.signin import service

app = create_app()
base = {"base_url": "https://localhost"}
found = {}
for sub in sys.argv[1:]:
    client = app.test_client()
    away = client.get("/login/oidc", **base).headers["Location"]
    back = httpx.post(away, data={"sub": sub}).headers["Location"]
    split = urlsplit(back)
    client.get(f"{split.path}?{split.query}", **base)
    replay = app.test_client().get(f"{split.path}?{split.query}", **base)
    me = client.get("/api/v1/me/", **base)
    found[sub] = [me.status_code, (me.json or {}).get("result", {}).get("username"), replay.headers.get("Location")]
    cookie = client.get_cookie("__Host-wellhouse", domain="localhost")
    found[sub].append(len(cookie.value) if cookie else 0)
    if sub == "both":  # signed in, and without a session of ours
        with client.session_transaction(**base) as kept:
            kept.pop("wellhouse_session")
        page = client.get("/wellhouse/second-factor?lang=en", headers={"Accept": "text/html"}, **base)
        found["factor"] = [page.status_code, "organisation" in page.text]
login = {"username": "local_only", "password": settings().secret("password_local_only"), "provider": "db"}
headers = {"X-Wellhouse-Code": code("local_only"), "Referer": "https://localhost/"}
found["local"] = [app.test_client().post("/api/v1/security/login", json=login, headers=headers, **base).status_code]
with app.app_context():
    found["local"].append(app.appbuilder.sm.auth_user_db(login["username"], login["password"]) is None)
assertion = {service.HEADER: service.assertion(settings(), "superset"), "Referer": "https://localhost/"}
token = app.test_client().post("/wellhouse/token", headers=assertion, **base).json["access_token"]
ours = {"Authorization": f"Bearer {token}"}
found["program"] = [app.test_client().get("/api/v1/security/users/", headers=ours, **base).status_code]
print("FOUND " + json.dumps(found))
"""
USERS = (
    User(sub="both", claims={"preferred_username": "analyst_hz", "amr": ["pwd", "otp", "mfa"]}),
    User(sub="password", claims={"preferred_username": "analyst_hz", "amr": ["pwd"]}),
    User(sub="silent", claims={"preferred_username": "analyst_hz"}),
    User(sub="text", claims={"preferred_username": "analyst_hz", "amr": "mfa"}),
    User(sub="stranger", claims={"preferred_username": "stranger", "amr": ["mfa"]}),
    User(sub="nameless", claims={"amr": ["mfa"]}),
)


@pytest.fixture(scope="module")
def seen(superset_url: str) -> Iterator[dict[str, list[object]]]:
    subprocess.run(["wellhouse", "user", "add", "local_only", "--role", "analyst", "--site", "cd"], check=True)
    with run_server_in_thread(user_claims=USERS, require_nonce=True) as server:
        done = subprocess.run(
            [PROJECT_ROOT / ".venv-superset/bin/python", "-c", _BROWSER, *(u.sub for u in USERS)],
            env=os.environ | {
                "WELLHOUSE_OIDC_ISSUER": f"http://localhost:{server.server_port}",
                "SUPERSET_CONFIG_PATH": str(PROJECT_ROOT / "infra" / "superset_config.py"),
            },
            cwd=PROJECT_ROOT, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    yield dict(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))[6:]))
    subprocess.run(["wellhouse", "user", "revoke", "local_only"], check=True)


def test_two_factors_at_the_provider_open_the_door(seen: dict[str, list[object]]) -> None:
    assert seen["both"][:2] == [200, "analyst_hz"]
    assert 0 < int(str(seen["both"][3])) < 1000, "the provider's tokens are not in the cookie"


@pytest.mark.parametrize("sub", ["password", "silent", "text", "stranger", "nameless"])
def test_less_does_not(seen: dict[str, list[object]], sub: str) -> None:
    assert seen[sub][:2] == [401, None]


def test_an_answer_of_the_provider_counts_in_the_browser_that_asked(seen: dict[str, list[object]]) -> None:
    assert "login" in str(seen["both"][2])


def test_a_password_and_code_of_ours_open_nothing_then(seen: dict[str, list[object]]) -> None:
    assert seen["local"] == [401, True]


def test_nobody_makes_or_uses_a_factor_of_ours_then_and_is_told_why(seen: dict[str, list[object]]) -> None:
    assert seen["factor"] == [403, True]


def test_our_own_programs_sign_in_as_ever(seen: dict[str, list[object]]) -> None:
    assert seen["program"] == [200]
