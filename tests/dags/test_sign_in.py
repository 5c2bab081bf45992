"""Airflow asks for both factors as Superset does, and revocation reaches its tokens."""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.no_trail import no_file
from tests.second_factor import code
from wellhouse import files
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.ops import airflow as configured
from wellhouse.ops import migrations
from wellhouse.ops.pipeline import Airflow
from wellhouse.settings import Settings, settings

NAME = "administrator"
PAGE = "/auth/wellhouse/second-factor"


@pytest.fixture
def client(airflow: Settings) -> Iterator[httpx.Client]:
    verify = ssl.create_default_context(cafile=airflow.tls / "ca.crt")
    url = configured.url(airflow)
    with httpx.Client(base_url=url, verify=verify, timeout=60, trust_env=False, headers={"Referer": url}) as http:
        yield http


def credentials() -> dict[str, str]:
    return {"username": NAME, "password": settings().secret(f"password_{NAME}")}


def token(client: httpx.Client, digits: str) -> httpx.Response:
    return client.post("/auth/token", json=credentials(), headers={"X-Wellhouse-Code": digits})


def dags(client: httpx.Client, held: str) -> int:
    return client.get("/api/v2/dags", headers={"Authorization": f"Bearer {held}"}).status_code


def csrf(client: httpx.Client, path: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*?value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def test_a_password_alone_gives_no_token_and_no_page(client: httpx.Client) -> None:
    code(NAME)
    assert client.post("/auth/token", json=credentials()).status_code == 401
    assert client.post("/auth/token/cli", json=credentials()).status_code == 401
    assert token(client, "000000").status_code == 401
    client.post("/auth/login/", data=credentials() | {"csrf_token": csrf(client, "/auth/login/")})
    page = client.get("/auth/", headers={"Accept": "text/html"})
    assert page.status_code == 302
    assert page.headers["Location"].startswith(PAGE)
    assert "_token" not in client.cookies
    assert client.get("/api/v2/dags").status_code == 401


def test_without_its_trail_nobody_signs_in_and_is_not_told_that_the_code_was_wrong(client: httpx.Client) -> None:
    with no_file(settings()):
        refused = token(client, code(NAME))
    assert (refused.status_code, refused.json()) == (503, {"detail": "unavailable"})
    assert token(client, code(NAME)).status_code == 201


def test_both_open_the_pages_and_the_api(client: httpx.Client) -> None:
    client.post("/auth/login/", data=credentials() | {"csrf_token": csrf(client, "/auth/login/")})
    done = client.post(PAGE, data={"code": code(NAME), "csrf_token": csrf(client, PAGE)})
    assert done.status_code == 302, done.text
    client.get(done.headers["Location"], headers={"Accept": "text/html"}, follow_redirects=True)
    assert "_token" in client.cookies
    assert client.get("/api/v2/dags").status_code == 200
    held = token(client, code(NAME)).json()["access_token"]
    assert dags(client, held) == 200


def test_another_password_is_taken_from_the_readers_file(client: httpx.Client) -> None:
    """What `wellhouse user reset-password` does in Airflow."""
    old = credentials()
    files.replace(settings().secret_file(f"password_{NAME}"), secrets.token_urlsafe(32).encode())
    migrations.renew_password(settings(), NAME)
    refused = client.post("/auth/token", json=old, headers={"X-Wellhouse-Code": code(NAME)})
    assert refused.status_code == 401
    assert dags(client, token(client, code(NAME)).json()["access_token"]) == 200
    migrations.renew_password(settings(), "nobody_in_airflow")


def test_revocation_reaches_a_token_within_seconds(client: httpx.Client) -> None:
    held = token(client, code(NAME)).json()["access_token"]
    assert dags(client, held) == 200
    begin = time.monotonic()
    readers.revoke(settings(), NAME)
    try:
        assert dags(client, held) in (401, 403)
        assert time.monotonic() - begin < 5
        with pytest.raises(WellhouseError, match="401"):
            Airflow(settings())
    finally:
        readers.provision(settings(), NAME, "administrator")
    assert dags(client, held) in (401, 403), "a session of before does not come back"
