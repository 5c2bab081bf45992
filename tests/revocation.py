"""How long a revoked reader's session, token, cached chart, link and database connection live on."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack

import psycopg
import pytest

from tests.second_factor import code
from tests.superset.conftest import browser
from wellhouse import db
from wellhouse.access import readers
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset


def trial(of: Settings, number: int) -> float:
    """Seconds from the order until every way in is closed; each way was open before."""
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
        begin = time.monotonic()
        subprocess.run(["wellhouse", "user", "revoke", name], check=True, capture_output=True)
        assert token.request("POST", "/api/v1/chart/data", json=question).status_code == 401
        assert pages.get("/api/v1/me/").status_code == 401
        assert pages.get("/wellhouse/me").status_code in (302, 401)
        with pytest.raises(psycopg.OperationalError):
            backend.execute("select 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(**db.parameters(db.reader_role(name), of))
        return time.monotonic() - begin
