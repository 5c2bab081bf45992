"""Airflow asks for both factors as Superset does, and revocation reaches its tokens."""

from __future__ import annotations

import re
import secrets
import ssl
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from tests.no_trail import no_file
from tests.second_factor import code
from wellhouse import files
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.ops import airflow as configured
from wellhouse.ops import migrations
from wellhouse.ops.bootstrap import administrator
from wellhouse.ops.pipeline import Airflow
from wellhouse.settings import Settings, settings
from wellhouse.signin import store

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


def test_no_person_manages_accounts(client: httpx.Client) -> None:
    """Neither over the API, which FastAPI answers, nor on the pages, which are Flask's."""
    held = {"Authorization": f"Bearer {token(client, code(NAME)).json()['access_token']}"}
    made = {"username": "made_up", "password": "x" * 20, "email": "a@b.invalid", "first_name": "a", "last_name": "b"}
    for method, path, document in (
        ("GET", "users", None), ("POST", "users", made), ("PATCH", f"users/{NAME}", {"password": "x" * 20}),
        ("DELETE", "users/made_up", None), ("GET", "roles", None), ("POST", "roles", {"name": "x", "actions": []}),
        ("PATCH", "roles/Viewer", {"name": "Viewer", "actions": []}), ("GET", "permissions", None),
    ):  # fmt: skip
        refused = client.request(method, f"/auth/fab/v1/{path}", json=document, headers=held)
        assert (refused.status_code, "wellhouse user" in refused.text) == (403, True), (method, path, refused.text)
    client.post("/auth/login/", data=credentials() | {"csrf_token": csrf(client, "/auth/login/")})
    client.post(PAGE, data={"code": code(NAME), "csrf_token": csrf(client, PAGE)})
    for path in ("users/list/", "users/add", "users/edit/1", "resetpassword/form?pk=1", "roles/list/",
                 "permissions/list/", "users/action/resetpasswords/1"):  # fmt: skip
        page = client.get(f"/auth/{path}", headers={"Accept": "text/html"})
        assert (page.status_code, "wellhouse user" in page.text) == (403, True), path
    for path in ("users/userinfo/", "resetmypassword/form"):
        assert client.get(f"/auth/{path}", headers={"Accept": "text/html"}).status_code == 200, path


@pytest.fixture
def knocks(airflow: Settings) -> Iterator[psycopg.Connection]:
    """Nobody has knocked, nor tried a password; afterwards it is so again."""
    nothing = "delete from access.rate; delete from access.failed_sign_in"
    with store.connection(airflow) as connection:
        connection.execute(nothing)
    with administrator(airflow, airflow.database) as connection:
        yield connection
        connection.execute(nothing)


def test_a_wrong_password_counts_however_the_name_is_spelled(client: httpx.Client, knocks: psycopg.Connection) -> None:
    for name in (NAME.upper(), NAME.title(), f"{NAME}@localhost", NAME):
        assert client.post("/auth/token", json={"username": name, "password": "wrong"}).status_code == 401
    counted = knocks.execute("select username, failures from access.failed_sign_in").fetchall()
    assert counted == [(NAME, 4)]


def test_from_one_address_a_token_is_asked_for_20_times_a_minute(
    client: httpx.Client, knocks: psycopg.Connection
) -> None:
    wrong = {"username": "nobody_here", "password": "x"}
    answers = [client.post(f"/auth/token{way}", json=wrong).status_code for way in ("", "/cli") * 13]
    assert (answers.count(401), answers.count(429)) == (20, 6), answers
    with Airflow(settings()):
        pass  # our own programs show no password, and are let in


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
