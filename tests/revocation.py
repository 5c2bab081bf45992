"""How long a revoked reader's session, token, cached chart, link and database connection live on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack

import psycopg

from tests.second_factor import code
from tests.superset.conftest import browser
from wellhouse import db
from wellhouse.access import readers
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

PATIENCE_S = 60.0


def trial(of: Settings, number: int) -> float:
    """Seconds from the order, its start included, until every way in was seen closed; each was open before."""
    name = f"leaver_{number}"
    readers.provision(of, name, "analyst", ["hz"])
    with Superset(of) as ours:
        users.ensure(ours, name, "analyst", of.secret(f"password_{name}"))
        datasets = {d["table_name"]: d["id"] for d in ours.every("/api/v1/dataset/", "table_name")}
    query = {"columns": ["site"], "metrics": [], "row_limit": 5, "filters": [], "orderby": []}
    question = {"datasource": {"id": datasets["fct_exam"], "type": "table"}, "queries": [query]}
    token = Superset(of, name, of.secret(f"password_{name}"), code(name))
    pages = browser(token.url, name, of.secret(f"password_{name}"))
    backend = psycopg.connect(**db.parameters(db.reader_role(name), of), autocommit=True)
    with ExitStack() as opened:
        for each in (token, backend):
            opened.enter_context(each)
        opened.callback(pages.close)
        for _ in range(2):  # the second is answered from the cache
            assert token.request("POST", "/api/v1/chart/data", json=question).status_code == 200
        assert pages.get("/wellhouse/me").status_code == pages.get("/api/v1/me/").status_code == 200
        began = time.monotonic()
        order = subprocess.Popen(["wellhouse", "user", "revoke", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        last = began
        for way in (
            lambda: token.request("POST", "/api/v1/chart/data", json=question).status_code == 401,
            lambda: pages.get("/api/v1/me/").status_code == 401,
            lambda: pages.get("/wellhouse/me").status_code in (302, 401),
            lambda: _refused(lambda: backend.execute("select 1")),
            lambda: _refused(lambda: psycopg.connect(**db.parameters(db.reader_role(name), of)).close()),
        ):
            while not way():
                assert time.monotonic() - began < PATIENCE_S, "a way in stays open"
                time.sleep(0.02)
            last = time.monotonic()
        assert order.wait() == 0
        return last - began


def _refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except psycopg.OperationalError:
        return True
    return False
