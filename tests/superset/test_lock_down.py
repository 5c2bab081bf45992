"""An incident in front of Superset: everything open ends at once, nobody gets in, then back; who is to be told."""

from __future__ import annotations

import csv
import json
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.second_factor import anew, code
from tests.superset.conftest import browser, rows
from wellhouse import db
from wellhouse.access import readers
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

NAME = "locked_test"
WITHIN_S = 5.0
QUERY = {"columns": ["site"], "metrics": [], "row_limit": 5, "filters": [], "orderby": []}


@pytest.fixture(scope="module")
def password(built: Settings, superset_url: str, truth: psycopg.Connection) -> Iterator[str]:
    """Of a health manager; afterwards nobody is locked out, and the sessions of other tests live on."""
    live = truth.execute("select token_hash from access.session where ended_at is null").fetchall()
    password = built.secret(f"password_{NAME}")
    readers.provision(built, NAME, "health_manager", ["hz"])
    with Superset(built) as ours:
        users.ensure(ours, NAME, "health_manager", password)
    yield password
    wellhouse("incident", "lift", "--purpose", "a drill")
    readers.revoke(built, NAME)
    truth.execute("update access.session set ended_at = null where token_hash = any(%s)", ([t for (t,) in live],))


@pytest.fixture(scope="module")
def subject(truth: psycopg.Connection, superset_url: str) -> int:
    row = truth.execute("select person_key from marts.dim_person where site = 'hz' order by 1 limit 1").fetchone()
    assert row is not None
    return int(row[0])


def wellhouse(*words: str) -> str:
    return subprocess.run(["wellhouse", *words], check=True, capture_output=True, text=True).stdout


def sites(superset: Superset, question: dict[str, Any]) -> set[str]:
    return {row["site"] for row in rows(superset.request("POST", "/api/v1/chart/data", json=question))}


def signs_in(of: Settings, url: str, password: str) -> bool:
    """Whether the API or the two forms, rightly filled in, let the reader in."""
    digits = code(NAME)
    with suppress(WellhouseError), Superset(of, NAME, password, digits):
        return True
    with suppress(AssertionError), closing(browser(url, NAME, password)):
        return True
    return False


def test_a_lock_down_ends_every_session_and_lets_nobody_in(
    built: Settings, superset_url: str, password: str, subject: int
) -> None:
    pages = (f"/wellhouse/people/{subject}", "/wellhouse/work-list.csv", "/wellhouse/me", "/api/v1/me/")
    with Superset(built) as ours:
        datasets = {d["table_name"]: d["id"] for d in ours.every("/api/v1/dataset/", "table_name")}
    question = {"datasource": {"id": datasets["fct_exam"], "type": "table"}, "queries": [QUERY]}
    with Superset(built, NAME, password, code(NAME)) as token, closing(browser(superset_url, NAME, password)) as open_:

        def seen() -> list[int]:
            chart = token.request("POST", "/api/v1/chart/data", json=question)
            return [chart.status_code, *(open_.get(page).status_code for page in pages)]

        for _ in range(2):  # the second is answered from the cache
            assert seen() == [200] * 5
        assert sites(token, question) == {"hz"}
        began = time.monotonic()
        assert "locked down" in wellhouse("incident", "lock-down", "--purpose", "a drill")
        took = time.monotonic() - began
        assert not {200} & set(seen())
        assert not signs_in(built, superset_url, password)
        with pytest.raises(psycopg.OperationalError):
            db.connect(db.reader_role(NAME), built)
        assert took < WITHIN_S
        assert "lifted" in wellhouse("incident", "lift", "--purpose", "a drill")
        assert not {200} & set(seen()), "what was ended stays ended"
    anew(NAME)  # step 6
    with Superset(built, NAME, password, code(NAME)) as token, closing(browser(superset_url, NAME, password)) as open_:
        assert seen() == [200] * 5
        assert sites(token, question) == {"hz"}
    print(f"lock-down in {took:.2f} s, its start included: chart, pages, database and both ways in refused; then back")


def test_whom_the_account_saw_can_be_told(
    superset_url: str, password: str, subject: int, truth: psycopg.Connection, tmp_path: Path
) -> None:
    """Steps 3 and 4 of docs/runbooks/incident.md: whom it saw, then their names for that one purpose, audited."""
    anew(NAME)
    with closing(browser(superset_url, NAME, password)) as pages:
        assert pages.get(f"/wellhouse/people/{subject}").status_code == 200
    command = ["open", "--account", NAME, "--since", "2020-01-01", "--purpose", "a drill", "--json"]
    found = json.loads(wellhouse("incident", *command))
    with (Path(found["folder"]) / "seen.csv").open(encoding="utf-8-sig", newline="") as lines:
        seen = {int(row["person_key"]): row["how"] for row in csv.DictReader(lines)}
    assert "reveal/person page" in seen[subject]
    purpose = f"tell them of {found['incident']}"
    wellhouse("subject", "export", str(subject), "--output", str(tmp_path / "a.zip"), "--purpose", purpose)
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        (identity,) = json.loads(package.read("identity.json"))
    assert identity["name"]
    assert identity["phone"]
    told = truth.execute("select action, path, persons from audit.event where purpose = %s", (purpose,)).fetchall()
    assert told == [("export", "subject", [subject])]
