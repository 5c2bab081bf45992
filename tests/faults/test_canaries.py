"""A thousand canaries through landing, gate, marts, scores and summaries; then every file is searched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.security import planting
from wellhouse.access import readers
from wellhouse.ops.bootstrap import administrator, flush
from wellhouse.settings import PROJECT_ROOT, Settings

PEOPLE = 266


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_thousand_canaries_are_in_clear_nowhere(stack: Settings, tmp_path: Path) -> None:
    who = planting.people(PEOPLE)
    canaries = tmp_path / "canaries.txt"
    assert planting.listed(canaries, who) > 1000
    planting.plant(stack.inbox, who)
    run("wellhouse", "ingest", str(stack.inbox), "--json")
    run("wellhouse", "gate", "run")
    run("wellhouse", "dbt", "build", "--selector", "before_scoring")
    run(sys.executable, "-m", "models.score")
    run("wellhouse", "dbt", "build", "--selector", "after_scoring")
    readers.provision(stack, "reader", "health_manager", [planting.SITE])
    with administrator(stack, stack.database) as server:
        persons = server.execute("select person_key from marts.dim_person limit 20").fetchall()
    assert persons
    for (person,) in persons:
        output = stack.var / "exports" / f"{person}.pdf"
        output.parent.mkdir(exist_ok=True)
        run("wellhouse", "summary", str(person), "--lang", "zh", "--as", "reader", "--output", str(output))
    flush(stack)
    done = subprocess.run(["wellhouse", "scan", str(canaries), "--json"], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["files"] > 1000
    assert found["unreadable"] == []
    assert found["hits"] == []
