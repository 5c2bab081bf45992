"""A thousand canaries of every source and encoding through everything that the product does; every file is searched.

Scanned again and again: after the server and loaders were killed, after Airflow's DAGs, with a sort half way on disk,
after ANALYZE, backups, exports and reads by people. The control, where nothing is sealed, is searched by the same scan.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import run
from tests.dags.conftest import running
from tests.faults import processes
from tests.faults.conftest import waiting
from tests.faults.test_crashes_services import TASK, kill_one
from tests.security import planting, surfaces
from tests.security.test_canaries import control, unsealed
from tests.superset.conftest import browser
from wellhouse.access import readers
from wellhouse.ops import bootstrap, cluster, installation, pipeline, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.ops.canaries import read
from wellhouse.ops.scan import Found, Scanner
from wellhouse.settings import Settings
from wellhouse.superset import users
from wellhouse.superset.client import Superset

__all__ = ["unsealed"]
CANARIES = int(os.environ.get("CANARIES", "1000"))
"""In every file; ``CANARIES=200`` is a shorter drill."""
PEOPLE = CANARIES // 4 * len(planting.FILES)
"""Four words each."""
OTHER_SITE = "canary2"
"""Whose files the DAGs load, every one."""
MANAGER = "reader"
CRASHES = 6


class Search:
    """The same scan at each stage; what still waits in the inbox may be in clear there and nowhere else."""

    def __init__(self, of: Settings, canaries: Path) -> None:
        self._of, self._scanner = of, Scanner(read(canaries))

    def nothing(self, stage: str) -> None:
        bootstrap.flush(self._of)
        self._scanner.found = Found()
        self._scanner.folder(self._of.var)
        found = self._scanner.found
        hits = [(hit.path, hit.canary_id) for hit in found.hits if not hit.path.startswith("inbox/")]
        print(
            f"{stage}: {found.files} files, {found.bytes >> 20} MiB, {found.streams} streams inside, {len(hits)} hits"
        )
        assert found.unreadable == []
        assert hits == [], stage


def crash(of: Settings, chance: random.Random) -> None:
    """A load is under way when the loader, one of its server processes, or the whole server is killed outright."""
    loader = processes.begin(of, "wellhouse", "ingest", str(of.inbox))
    processes.under_way(of, loader, "wh_ingest")
    time.sleep(chance.uniform(0, 0.5))
    what = chance.randrange(3)
    if what == 0:
        processes.kill_backend(of, chance, "wh_ingest")
    elif what == 1:
        os.kill(int((cluster.data(of) / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        time.sleep(1)
    processes.end(loader)
    bootstrap.wait(of)  # the supervisor has started it again


def people_look(of: Settings, persons: list[int]) -> None:
    """A health manager at work: pages, summaries, a call, the work list, charts as files."""
    installation.start(of, (services.POSTGRES, services.SUPERSET), print)
    run("wellhouse", "user", "ensure-defaults")
    run("wellhouse", "superset", "deploy")
    password = of.secret(f"password_{MANAGER}")
    with Superset(of) as ours:
        users.ensure(ours, MANAGER, "health_manager", password)
        datasets = {d["table_name"]: d["id"] for d in ours.every("/api/v1/dataset/", "table_name")}
    with closing(browser(f"https://localhost:{of.superset_port}", MANAGER, password)) as pages:
        token = pages.get("/api/v1/security/csrf_token/").json()["result"]
        for person in persons[:40]:
            assert pages.get(f"/wellhouse/people/{person}").status_code == 200
            assert pages.get(f"/wellhouse/people/{person}/summary.pdf").status_code == 200
        for (recording,) in _rows(of, "select recording_key from marts.fct_call_recording order by 1 limit 20"):
            assert pages.get(f"/wellhouse/recordings/{recording}/audio").status_code == 200
        for kind in ("csv", "xlsx"):
            assert pages.get(f"/wellhouse/work-list.{kind}").status_code == 200
        for name in ("dim_person", "fct_exam", "fct_observation", "fct_call_recording"):
            query: dict[str, Any] = {"columns": ["person_key"], "metrics": [], "row_limit": 10_000}
            for form in ("json", "csv", "xlsx"):
                document = {
                    "datasource": {"id": datasets[name], "type": "table"}, "queries": [query], "result_format": form,
                    "result_type": "full",
                }  # fmt: skip
                answer = pages.post("/api/v1/chart/data", json=document, headers={"X-CSRFToken": token})
                assert answer.status_code == 200, answer.text[:500]


def through_the_dags(of: Settings, chance: random.Random) -> str:
    """Load and build as every night, one task's command killed half way; what Airflow keeps of it all is there to be
    searched: logs in files, the rest in its database."""
    with running(of), administrator(of, "airflow") as server:
        process = processes.begin(of, "wellhouse", "pipeline", "run")
        while process.poll() is None and not kill_one(of, TASK, chance):
            time.sleep(chance.uniform(0, 0.2))
        said, _ = process.communicate(timeout=900)
        assert process.returncode == 0, said
        assert waiting(of) == []
        supervisor.wait_until(lambda: not _count(server, "dag_run where state in ('queued', 'running')"), 300, "builds")
        rendered, xcoms = _count(server, "rendered_task_instance_fields"), _count(server, "xcom")
    logs = [path for path in (of.logs / "airflow").rglob("attempt=*.log") if path.stat().st_size]
    loading = [dag for dag in pipeline.names(of) if dag.startswith("ingest_")]
    assert min(len(logs), rendered) > len(loading), "there is nothing to search"
    return f"{len(logs)} logs of tasks, one of them killed, {rendered} rendered templates, {xcoms} XComs"


def _count(server: psycopg.Connection, what: str) -> int:
    (count,) = server.execute(f"select count(*) from {what}".encode()).fetchone() or (0,)  # noqa: S608
    return int(count)


def _rows(of: Settings, query: str) -> list[tuple[Any, ...]]:
    with administrator(of, of.database) as server:
        return server.execute(query.encode()).fetchall()


def test_a_thousand_canaries_of_each_kind_are_in_clear_nowhere(
    stack: Settings, tmp_path: Path, chance: random.Random
) -> None:
    who = planting.people(PEOPLE)
    assert planting.listed(tmp_path / "canaries.txt", who) >= CANARIES * len(planting.FILES)
    search = Search(stack, tmp_path / "canaries.txt")
    planting.plant(stack.inbox, who[: PEOPLE // 2])
    for _ in range(CRASHES):
        crash(stack, chance)
    left = len(waiting(stack))
    search.nothing(f"after {CRASHES} crashes of loading, {left} files still waiting")
    planting.plant(stack.inbox, who[PEOPLE // 2 :], OTHER_SITE)
    said = through_the_dags(stack, chance)
    search.nothing(f"loaded and built by Airflow, {said}")
    with surfaces.spilled(stack):
        search.nothing("built, with a sort of every table half way on disk")
    run("wellhouse", "backup", "run")
    exports = stack.var / "exports"
    exports.mkdir()
    surfaces.analyzed(stack, exports / "statistics.txt")
    surfaces.dumped(stack, exports / "everything.sql")
    search.nothing("after ANALYZE, a backup in both repositories and a dump of every database")
    readers.provision(stack, MANAGER, "health_manager", [planting.SITE, OTHER_SITE])
    people_look(
        stack, [p for (p,) in _rows(stack, "select person_key from marts.dim_person where exam_count > 0 order by 1")]
    )
    (tmp_path / "password").write_text("for the drill\n")
    words = ["--year", "2024", "--limit", "300", "--as", MANAGER, "--password-file", str(tmp_path / "password")]
    run("wellhouse", "summaries", "--site", planting.SITE, "--output", str(exports / "summaries"), *words)
    search.nothing("after people looked, and 300 summaries were exported under a password")


def test_the_same_scan_sees_a_thousand_of_each_kind_where_nothing_is_sealed(unsealed: Settings, tmp_path: Path) -> None:
    found = control(unsealed, planting.people(PEOPLE), tmp_path)
    print(f"unsealed, {4 * PEOPLE} canaries: {found}")
