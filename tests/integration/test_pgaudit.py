"""The server's own log of identified tables: who touched which, how many rows, and no value of anybody."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.loads import leaving_no_rows
from tests.server_log import from_now_on
from wellhouse import db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.ops import cluster
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

NAME, NUMBER = "审计张三", "650101194912310986"
HEADER = "体检编号,姓名,性别,出生日期,身份证号,体检日期,收缩压(mmHg)\n"


@pytest.fixture
def said(stack: Settings) -> Callable[[], str]:
    """What the server logged since the test began."""
    if not cluster.has_pgaudit():
        pytest.skip("pgaudit is not installed here: postgresql-NN-pgaudit")
    return from_now_on(stack)


def test_who_opens_an_identity_is_logged_by_the_server(
    stack: Settings, said: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "exams.csv").write_text(HEADER + f"p1,{NAME},女,1949-12-31,{NUMBER},2024-03-05,120\n", encoding="utf-8")
    command = ["wellhouse", "ingest", str(tmp_path / "exams.csv"), "--source", "exam", "--site", "pgaudit", "--json"]
    with leaving_no_rows(stack) as server:
        (file,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["files"]
        assert file["loaded"] == 1
        row = server.execute("select person_key from vault.person_site where site = 'pgaudit'").fetchone()
        assert row is not None
        with db.connect("wh_identity", stack) as connection, Keyring.open(stack) as keyring:
            assert reveal(connection, keyring, row[0])["name"] == NAME
        (load,) = server.execute("select max(load_id) from ops.load").fetchone() or (0,)
        show = ["wellhouse", "record", "show", str(load), "1", "--purpose", "a test"]
        assert NAME.encode() in subprocess.run(show, capture_output=True, check=True).stdout
        server.execute("delete from vault.person where person_key = %s", row)
    lines = [line for line in said().splitlines() if "AUDIT: OBJECT" in line]
    assert any("wh_identity@" in line and ",SELECT,TABLE,vault.person," in line for line in lines)
    assert any("wh_ingest@" in line and ",INSERT,TABLE,vault.person," in line for line in lines)
    assert any("wh_ingest@" in line and ",SELECT,TABLE,landing.original," in line for line in lines)
    assert any("postgres@" in line and ",DELETE,TABLE,vault.person," in line for line in lines)
    assert NAME not in said()
    assert NUMBER not in said()


def test_roles_and_tables_changed_are_logged_and_no_verifier(stack: Settings, said: Callable[[], str]) -> None:
    subprocess.run(["wellhouse", "user", "ensure-defaults"], check=True, capture_output=True)
    with db.connect("wh_access", stack) as connection:
        connection.execute(
            "select access.provision('pgaudit_test', 'auditor', %s, '{}', null)", ("SCRAM-SHA-256$4096:c2VjcmV0",)
        )
        connection.execute("select access.revoke('pgaudit_test')")
    assert "wh_u_pgaudit_test" in said()
    assert "REDACTED" in said()
    assert "c2VjcmV0" not in said()


def test_a_change_of_the_trail_is_logged_by_the_server(stack: Settings, said: Callable[[], str]) -> None:
    with administrator(stack, stack.database) as server:
        server.execute("update audit.event set purpose = purpose where false")
        with pytest.raises(psycopg.errors.RaiseException):
            server.execute("do $$ begin drop table audit.event cascade; raise exception 'undone'; end $$")
    assert ",UPDATE,TABLE,audit.event," in said()
    assert "DROP TABLE" in said()
