"""People signed in to the one deployed Superset of the session."""

from __future__ import annotations

import json
import re
import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest

from tests.second_factor import code
from wellhouse.ops import bootstrap
from wellhouse.settings import Settings, settings
from wellhouse.superset.client import KEEP_ALIVE_S, Superset


@dataclass
class Person:
    """What one person can ask Superset for, over each of its paths."""

    superset: Superset
    browser: httpx.Client
    datasets: dict[str, int]
    """``schema.table`` → number."""
    database: int
    queries: list[str] = field(default_factory=list)

    def chart(
        self, dataset: str, columns: list[str], kind: str = "json", result: str = "full", **query: Any
    ) -> httpx.Response:
        """The data behind a chart: ``kind`` json, csv or xlsx; ``result`` full, samples or drill_detail."""
        asked = {"columns": columns, "metrics": [], "row_limit": 10_000, "filters": [], "orderby": []} | query
        document = {
            "datasource": {"id": self.datasets[dataset], "type": "table"},
            "queries": [asked],
            "result_format": kind,
            "result_type": result,
        }
        return self.superset.request("POST", "/api/v1/chart/data", json=document)

    def sql(self, text: str) -> httpx.Response:
        """SQL Lab; the number of the query is kept in ``queries``."""
        number = uuid.uuid4().hex[:10]
        document = {
            "database_id": self.database, "sql": text, "schema": "marts", "client_id": number, "runAsync": False,
            "queryLimit": 1000, "select_as_cta": False, "tab": "test", "sql_editor_id": "1", "expand_data": False,
        }  # fmt: skip
        self.queries.append(number)
        return self.superset.request("POST", "/api/v1/sqllab/execute/", json=document)

    def samples(self, dataset: str, **detail: Any) -> httpx.Response:
        """A page's own request: it takes the session's cookie, not a token. ``detail``: of a drill to it, filters."""
        path = f"/datasource/samples?datasource_id={self.datasets[dataset]}&datasource_type=table"
        token = self.browser.get("/api/v1/security/csrf_token/").json()["result"]
        return self.browser.post(path, json=detail, headers={"X-CSRFToken": token})

    def values(self, dataset: str, column: str) -> httpx.Response:
        """What a filter box offers."""
        path = f"/api/v1/datasource/table/{self.datasets[dataset]}/column/{column}/values/"
        return self.superset.request("GET", path)


def browser(url: str, username: str, password: str) -> httpx.Client:
    """Signed in by both forms, as a browser is."""
    verify = ssl.create_default_context(cafile=settings().tls / "ca.crt")
    referer = {"Referer": f"{url}/login/"}
    limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_S)
    client = httpx.Client(base_url=url, verify=verify, timeout=60, trust_env=False, headers=referer, limits=limits)
    client.post("/login/", data={"username": username, "password": password, "csrf_token": csrf(client, "/login/")})
    path = "/wellhouse/second-factor"
    token = csrf(client, path)  # there is none for who did not get this far
    answer = client.post(path, data={"code": code(username), "csrf_token": token})
    assert answer.status_code == 302, answer.text
    return client


def csrf(client: httpx.Client, path: str) -> str:
    """The token of a page's form."""
    token = re.search(r'name="csrf_token"[^>]*?value="([^"]+)"', client.get(path).text)
    assert token
    return token[1]


@pytest.fixture(scope="session")
def administrator(superset_url: str) -> Iterator[Superset]:
    with Superset(settings()) as superset:
        yield superset


@pytest.fixture(scope="session")
def person(administrator: Superset) -> Iterator[Callable[[str], Person]]:
    """``person(username)``: signed in once a session."""
    listed = administrator.every("/api/v1/dataset/", "table_name")
    datasets = {f"{d['schema']}.{d['table_name']}": d["id"] for d in listed}
    database = administrator.get("/api/v1/database/")["result"][0]["id"]
    known: dict[str, Person] = {}

    def sign_in(username: str) -> Person:
        if username not in known:
            password = settings().secret(f"password_{username}")
            superset = Superset(settings(), username, password, code(username))
            known[username] = Person(superset, browser(superset.url, username, password), datasets, database)
        return known[username]

    yield sign_in
    for each in known.values():
        each.superset.__exit__(None, None, None)
        each.browser.close()


@pytest.fixture(scope="session")
def truth(superset_url: str) -> Iterator[psycopg.Connection]:
    """All rows, as nobody but a test sees them."""
    of: Settings = settings()
    with bootstrap.administrator(of, of.database) as connection:
        yield connection


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows of a JSON answer over any path; none when it was refused."""
    if answer.is_error:
        return []
    document = json.loads(answer.text)
    if "result" in document and isinstance(document["result"], list):
        first = document["result"][0] if document["result"] else {}
        return list(first["data"] if isinstance(first, dict) and "data" in first else document["result"])
    if "data" in document:
        return list(document["data"])
    return list(document["result"]["data"])


@pytest.fixture(scope="session")
def rows_of() -> Callable[[httpx.Response], list[dict[str, Any]]]:
    return rows
