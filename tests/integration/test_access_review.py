# ruff: noqa: S608 (the statements are this file's)
"""Access reviews: undeclared grants are told, and a reader whom nobody confirms reads nothing from that day on."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from wellhouse import db
from wellhouse.access import grants, readers, reviews
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

NAME = "review_test"


@pytest.fixture
def server(stack: Settings) -> Iterator[psycopg.Connection]:
    readers.ensure_defaults(stack)
    readers.provision(stack, NAME, "analyst", ["hz"])
    with administrator(stack, stack.database) as server:
        server.execute("update access.reader set review_due = now() + interval '90 days' where username = %s", (NAME,))
        server.execute("select access.enforce(%s)", (NAME,))
        yield server
        server.execute("delete from ops.alert where rule = 'undeclared_grant'")
    readers.revoke(stack, NAME)


def due(server: psycopg.Connection, days: int) -> None:
    server.execute(
        "update access.reader set review_due = now() + make_interval(days => %s) where username = %s", (days, NAME)
    )
    server.execute("select access.enforce(%s)", (NAME,))


UNDECLARED = {
    "a table": ("grant select on vault.person to wh_ops", "revoke select on vault.person from wh_ops", "vault.person"),
    "everybody": ("grant select on ops.load to public", "revoke select on ops.load from public", "ops.load"),
    "a column": ("grant select (sealed) on vault.person to wh_transform",
                 "revoke select (sealed) on vault.person from wh_transform", "vault.person.sealed"),
    "a group": (f"grant wh_auditor to wh_u_{NAME}", f"revoke wh_auditor from wh_u_{NAME}", "wh_auditor"),
    "an attribute": (f"alter role wh_u_{NAME} bypassrls", f"alter role wh_u_{NAME} nobypassrls", "attributes"),
    "a superuser": ("create role wh_test_boss superuser", "drop role wh_test_boss", "attributes"),
    "to a reader": (f"grant select on landing.exam to wh_u_{NAME}",
                    f"revoke select on landing.exam from wh_u_{NAME}", "landing.exam"),
    "a function": ("grant execute on function access.revoke(text) to wh_analyst",
                   "revoke execute on function access.revoke(text) from wh_analyst", "access.revoke(text)"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNDECLARED)
def test_what_nobody_declared_is_told_once(stack: Settings, server: psycopg.Connection, what: str) -> None:
    grant, undo, name = UNDECLARED[what]
    assert reviews.review(stack).drift == []
    server.execute(grant.encode())
    try:
        found = reviews.review(stack)
        assert [g.object for g in found.drift] == [name]
        reviews.review(stack)
        told = server.execute("select count(*) from ops.alert where rule = 'undeclared_grant'").fetchone()
        assert told == (1,)
        kept = server.execute("select count(*) from access.grant_snapshot where not declared and object = %s", (name,))
        assert (kept.fetchone() or (0,))[0] >= 1
    finally:
        server.execute(undo.encode())
    assert reviews.review(stack).drift == []


def test_who_is_not_confirmed_reads_nothing(stack: Settings, server: psycopg.Connection) -> None:
    login = db.reader_role(NAME)
    with db.connect(login, stack, autocommit=True) as before:
        assert before.execute("select access.my_sites(), access.my_role()").fetchone() == (["hz"], "analyst")
        due(server, -1)
        assert before.execute("select access.my_sites(), access.my_role()").fetchone() == ([], None), "open session"
    with pytest.raises(psycopg.OperationalError):
        db.connect(login, stack)
    listed = json.loads(subprocess.run(["wellhouse", "user", "list", "--json"], capture_output=True, check=True).stdout)
    (me,) = [r for r in listed if r["username"] == NAME]
    assert (me["state"], me["active"]) == ("unreviewed", False)
    until = reviews.confirm(stack, NAME, None, "still works at hz")
    assert until > dt.datetime.now(dt.UTC) + dt.timedelta(days=89)
    with db.connect(login, stack) as after:
        assert after.execute("select access.my_sites()").fetchone() == (["hz"],)


def test_a_date_of_their_own_ends_it_earlier(stack: Settings, server: psycopg.Connection) -> None:
    readers.provision(stack, NAME, "management", (), dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    with pytest.raises(psycopg.OperationalError):
        db.connect(db.reader_role(NAME), stack)
    with pytest.raises(WellhouseError, match="no reader"):
        reviews.confirm(stack, NAME, None, "x")
    readers.provision(stack, NAME, "analyst", ["hz"])
    db.connect(db.reader_role(NAME), stack).close()


@pytest.mark.parametrize("reviewer", [NAME, "analyst_hz", "nobody"])
def test_not_everybody_may_review(stack: Settings, server: psycopg.Connection, reviewer: str) -> None:
    with pytest.raises(WellhouseError, match="may not review"):
        reviews.confirm(stack, NAME, reviewer, "x")
    reviews.confirm(stack, NAME, "auditor", "still works at hz")
    row = server.execute("select reviewer from access.review where username = %s order by review_id desc", (NAME,))
    assert row.fetchone() == ("wh_u_auditor",)


def test_the_roles_file_is_what_is_compared(stack: Settings) -> None:
    allowed = grants.permissions(stack.root / "dashboards" / "access" / "roles.yaml")
    assert any(g.principal == "management" and g.object.startswith("dataset rpt_population") for g in allowed)
    assert not any(g.principal == "management" and g.object == "dataset fct_observation" for g in allowed)
    more = grants.Grant("superset", "management", "permission", "dataset fct_observation", "datasource_access")
    assert grants.drift({more}, allowed) == {more}
    assert grants.drift(allowed, allowed) == set()
