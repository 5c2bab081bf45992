"""Canaries of every source and encoding are in clear nowhere (FEATURES B1, B12); unsealed, they are found."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from psycopg import sql

from tests.security import planting, surfaces
from wellhouse.commands import ingest as command
from wellhouse.ingest.file import Ingest
from wellhouse.ops import installation, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.ops.canaries import read
from wellhouse.ops.scan import Found, Scanner
from wellhouse.settings import Settings

PEOPLE = 3 * len(planting.FILES)
"""Four canaries each; tests/faults has the long form."""


@pytest.fixture(scope="module")
def who() -> list[planting.Canary]:
    return planting.people(PEOPLE)


@pytest.fixture
def planted(built: Settings, who: list[planting.Canary]) -> Iterator[Settings]:
    planting.plant(built.inbox, who)
    yield built
    shutil.rmtree(built.inbox / planting.SITE)
    with administrator(built, built.database) as server:
        loads = "(select load_id from ops.load where site = 'canary')"
        for (table,) in server.execute(
            "select relname from pg_class where relnamespace = 'landing'::regnamespace and relkind = 'r'"
        ).fetchall():
            server.execute(f"delete from landing.{table} where load_id in {loads}")  # noqa: S608
        server.execute("delete from ops.load where site = 'canary'")


def scan(of: Settings, canaries: Path) -> dict[str, Any]:
    done = subprocess.run(["wellhouse", "scan", str(canaries), str(of.var), "--json"], capture_output=True, text=True)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def test_no_canary_is_in_clear(planted: Settings, who: list[planting.Canary], tmp_path: Path) -> None:
    count = planting.listed(tmp_path / "canaries.txt", who)
    before = scan(planted, tmp_path / "canaries.txt")
    assert len({hit["canary_id"] for hit in before["hits"]}) > 0.99 * count, (
        "while they wait in the inbox they are seen"
    )
    inbox = planted.inbox / planting.SITE
    done = subprocess.run(["wellhouse", "ingest", str(inbox), "--json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert {file["status"] for file in report["files"]} <= {"loaded", "quarantined"}, done.stderr
    assert len(report["files"]) == len(planting.FILES)
    assert report["totals"]["loaded"] > PEOPLE / 2
    assert not [path for path in inbox.rglob("*") if path.is_file()]
    statistics = planted.var / "statistics.txt"
    surfaces.analyzed(planted, statistics)
    with surfaces.spilled(planted):
        after = scan(planted, tmp_path / "canaries.txt")
    statistics.unlink()
    assert after["unreadable"] == []
    assert after["hits"] == []
    assert not [word for person in who for word in person.words if word in done.stdout + done.stderr]


@pytest.fixture
def unsealed(
    stack: Settings, monkeypatch: pytest.MonkeyPatch, unused_ports: Callable[[int], list[int]]
) -> Iterator[Settings]:
    """An installation of its own whose loader seals nothing: what a scan must be able to see."""
    postgres, airflow, superset, mllp = unused_ports(4)
    of = Settings(
        var=stack.var.parent / "unsealed",
        postgres_port=postgres,
        airflow_port=airflow,
        superset_port=superset,
        mllp_port=mllp,
    )
    bare = SimpleNamespace(seal=lambda _key, text, _aad: text, unseal=lambda _key, text, _aad: text, KEY_BYTES=32)
    for module in ("crypto.vault", "crypto.recordings", "ingest.file"):
        monkeypatch.setattr(f"wellhouse.{module}.envelope", bare)

    def kept(_key: bytes, plaintext: memoryview, _aad: bytes, _codec: pa.Codec) -> bytes:
        return b"\0" + bytes(plaintext)

    monkeypatch.setattr("wellhouse.landing.originals._seal", kept)
    try:
        installation.start(of, (services.POSTGRES,), print)
        _uncompressed(of)
        yield of
    finally:
        supervisor.stop(of)
        shutil.rmtree(of.var, ignore_errors=True)


def _uncompressed(of: Settings) -> None:
    """What is sealed cannot be compressed; bare text could, by PostgreSQL's own method, which no scan opens."""
    with administrator(of, of.database) as server:
        for schema, table, column in server.execute(
            """select table_schema, table_name, column_name from information_schema.columns
               where data_type = 'bytea' and table_schema in ('landing', 'quarantine', 'vault')"""
        ).fetchall():
            server.execute(
                sql.SQL("alter table {}.{} alter column {} set storage external").format(
                    *map(sql.Identifier, (schema, table, column))
                )
            )


def test_the_same_scan_sees_them_when_nothing_is_sealed(
    unsealed: Settings, who: list[planting.Canary], tmp_path: Path
) -> None:
    seen = control(unsealed, who, tmp_path)
    print(f"unsealed: {seen}")


def control(of: Settings, who: list[planting.Canary], folder: Path) -> dict[str, float]:
    """Surface → the share of the canaries that the scan finds on it where nothing is sealed."""
    count = planting.listed(folder / "canaries.txt", who)
    planting.plant(of.inbox, who)
    with Ingest(of) as loader:
        for file in command._files([of.inbox]):
            for _, result in command._load(loader, of, file, None, None, None, None, "auto"):
                assert not isinstance(result, str)
    scanner = Scanner(read(folder / "canaries.txt"))

    def share(place: Path) -> float:
        scanner.found = Found()
        scanner.folder(place)
        return round(len({hit.canary_id for hit in scanner.found.hits}) / count, 4)

    (folder / "statistics").mkdir()
    surfaces.analyzed(of, folder / "statistics" / "all.txt")
    (folder / "dump").mkdir()
    surfaces.dumped(of, folder / "dump" / "all.sql")
    with surfaces.spilled(of) as spill:
        found = {"statistics": share(folder / "statistics"), "sort spill": share(spill), "dump": share(folder / "dump")}
    shutil.rmtree(of.inbox / planting.SITE)
    found["everything"] = share(of.var)
    assert found["everything"] > 0.99
    assert all(found.values()), found
    return found
