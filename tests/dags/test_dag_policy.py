"""What every DAG promises (dags/README.md), checked on the DAGs as Airflow reads them."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from wellhouse.settings import PROJECT_ROOT, settings

DAGS = PROJECT_ROOT / "dags"
FILES = sorted(f for f in DAGS.glob("*.py") if not f.name.startswith("_"))
ALLOWED_IMPORTS = {"__future__", "_defaults", "airflow"}
NOT_TRIED_AGAIN = {"gate", "before_scoring", "after_scoring"}
"""The same rows would fail the same way."""


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import BundleDagBag

    began = time.monotonic()
    found = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")
    found.seconds = time.monotonic() - began
    return found


@pytest.fixture(scope="module")
def dags(bag: Any) -> dict[str, Any]:
    return dict(bag.dags)


@pytest.fixture(scope="module")
def tasks(dags: dict[str, Any]) -> list[Any]:
    return [task for dag in dags.values() for task in dag.tasks]


def options(task: Any, name: str) -> Any:
    """An argument of a task, mapped or not."""
    return task.partial_kwargs.get(name, getattr(task, name, None)) if task.is_mapped else getattr(task, name)


def commands(task: Any) -> list[str]:
    return list(task.expand_input.value["bash_command"]) if task.is_mapped else [task.bash_command]


def test_every_file_imports_cleanly_and_quickly_and_holds_the_dag_of_its_name(bag: Any) -> None:
    assert not bag.import_errors
    assert sorted(bag.dags) == [file.stem for file in FILES]
    assert bag.seconds < 5, "parsing does work that belongs into a task"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_dag_file_says_when_and_in_what_order_and_no_more(file: Path) -> None:
    tree = ast.parse(file.read_text())
    imported = {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    imported |= {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported <= ALLOWED_IMPORTS
    assert all(isinstance(n, ast.Expr | ast.ImportFrom | ast.With) for n in tree.body), "no code beside the DAG"
    assert len(file.read_text().splitlines()) <= 60


def test_every_dag_is_documented_tagged_and_runs_once_at_a_time(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.doc_md, dag.dag_id
        assert dag.tags, dag.dag_id
        assert not dag.catchup, dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id
        assert dag.dagrun_timeout, dag.dag_id
        assert dag.start_date is None, "a start date makes a DAG run for the last hour gone by when it is switched on"


def test_few_tasks_whatever_the_inbox_holds(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert sum(len(commands(task)) for task in dag.tasks) <= 40, dag.dag_id


def test_every_task_has_an_owner_an_alert_a_time_limit_and_retries(tasks: list[Any]) -> None:
    for task in tasks:
        name = f"{task.dag_id}.{task.task_id}"
        assert options(task, "owner") not in (None, "", "airflow"), name
        assert options(task, "on_failure_callback"), name
        assert options(task, "execution_timeout"), name
        assert options(task, "retries") == (0 if task.task_id in NOT_TRIED_AGAIN else 2), name
        assert options(task, "retry_delay"), name


def test_a_task_is_one_call_and_leaves_nothing_in_xcom(tasks: list[Any]) -> None:
    beside = re.escape(str(Path(sys.executable).parent))
    call = re.compile(rf"{beside}/(wellhouse|python -m models\.[a-z_]+)( [\w./*=-]+)*")
    for task in tasks:
        assert options(task, "do_xcom_push") is False
        assert options(task, "cwd") == str(PROJECT_ROOT)
        assert not options(task, "params")
        assert not options(task, "env"), "settings come from the service's environment, secrets from 0600 files"
        for command in commands(task):
            assert call.fullmatch(command), command


def test_every_command_of_the_package_exists(tasks: list[Any]) -> None:
    from wellhouse.cli import COMMANDS

    for command in (shlex.split(c) for task in tasks for c in commands(task)):
        if command[0].endswith("wellhouse"):
            assert command[1] in COMMANDS
        else:
            assert (PROJECT_ROOT / f"{command[2].replace('.', '/')}.py").exists()


def test_an_ingest_dag_reads_its_own_folders_in_numbered_batches(dags: dict[str, Any]) -> None:
    for dag in (d for name, d in dags.items() if name.startswith("ingest_")):
        (task,) = dag.tasks
        source = commands(task)[0].split("--source ")[1].split()[0]
        assert dag.dag_id == f"ingest_{source}s"
        count = len(commands(task))
        for number, command in enumerate(commands(task), start=1):
            assert f"{settings().inbox}/*/{source} --source {source} --batch {number}/{count}" in command
        assert [asset.name for asset in options(task, "outlets")] == [f"landing.{source}"]


def test_marts_are_built_after_any_landing_gate_first(dags: dict[str, Any]) -> None:
    build = dags["build_marts"]
    landed = {asset.name for asset in build.schedule.objects}
    assert landed == {f"landing.{n.removeprefix('ingest_')[:-1]}" for n in dags if n.startswith("ingest_")}
    assert [t.task_id for t in build.topological_sort()] == ["gate", "before_scoring", "score", "after_scoring"]
    assert [len(t.downstream_list) for t in build.topological_sort()] == [1, 1, 1, 0]


def test_the_timetable_lists_every_dag_with_its_schedule_and_owner(dags: dict[str, Any]) -> None:
    lines = [line for line in (DAGS / "README.md").read_text().splitlines() if line.startswith("|")]
    rows = {line.split("|")[1].strip(" `"): line for line in lines}
    for name, dag in dags.items():
        assert (dag.schedule if isinstance(dag.schedule, str) else "after any") in rows[name], name
        assert options(dag.tasks[0], "owner") in rows[name], name


def test_a_failure_is_one_line_without_anything_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setenv("WELLHOUSE_VAR", str(tmp_path))
    monkeypatch.syspath_prepend(str(DAGS))
    settings.cache_clear()
    try:
        import _defaults  # type: ignore[import-not-found]

        task = SimpleNamespace(dag_id="build_marts", task_id="gate", run_id="r1", task=SimpleNamespace(owner="o"))
        _defaults.alert({"task_instance": task, "exception": ValueError("something personal")})
    finally:
        settings.cache_clear()
    (line,) = (tmp_path / "logs" / "alerts.log").read_text().splitlines()
    assert line.endswith("ALERT build_marts.gate failed in run r1 (owner o)")
