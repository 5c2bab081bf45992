"""A build shows all of its marts or none: readers never see half of one."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from wellhouse import build as runner
from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

FINGERPRINT = """
    select format('%s.%s', n.nspname, c.relname), c.oid::bigint,
           (xpath('/row/h/text()', query_to_xml(format(
               'select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '''')) as h from %I.%I t',
               n.nspname, c.relname), false, true, '')))[1]::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('marts', 'population') and c.relkind = 'r'
    order by 1
"""


def fingerprint(of: Settings) -> dict[str, tuple[int, str]]:
    """Which tables readers see (identity and a hash of every row)."""
    with administrator(of, of.database) as server:
        return {table: (oid, rows) for table, oid, rows in server.execute(FINGERPRINT)}  # type: ignore[arg-type]


@pytest.fixture
def project(project_root: Path, tmp_path: Path) -> Path:
    """A copy of the dbt project to break."""
    return Path(shutil.copytree(project_root / "dbt_project", tmp_path / "dbt_project"))


def test_a_failed_test_leaves_yesterdays_marts(built: Settings, project: Path) -> None:
    before = fingerprint(built)
    model = project / "models/marts/exam/fct_exam.sql"
    model.write_text(model.read_text().replace("exams.package", "'changed' as package"))
    (project / "tests/fails.sql").write_text("select exam_key from {{ ref('fct_exam') }}")
    outcome = runner.build(built, "before_scoring", project)
    assert not outcome.passed
    assert [r.node for r in outcome.results if r.failed] == ["test.fails"]
    assert fingerprint(built) == before


def test_a_failed_model_leaves_yesterdays_marts(built: Settings, project: Path) -> None:
    before = fingerprint(built)
    model = project / "models/marts/exam/fct_observation.sql"
    model.write_text(model.read_text().replace("load_id\n", "load_id / 0 as load_id\n"))
    outcome = runner.build(built, "before_scoring", project)
    assert not outcome.passed
    assert "model.fct_observation" in [r.node for r in outcome.results if r.failed]
    assert fingerprint(built) == before


def test_all_marts_change_at_once(built: Settings) -> None:
    """A reader who looks all the time sees the old tables or the new ones; the same rows build the same."""
    before = fingerprint(built)
    looks: list[frozenset[tuple[str, int]]] = []
    stop = threading.Event()

    def look() -> None:
        with administrator(built, built.database) as server:
            while not stop.wait(0.02):
                found = server.execute(
                    "select c.relname, c.oid::bigint from pg_class c where c.relkind = 'r'"
                    " and c.relnamespace = 'marts'::regnamespace and c.relname !~ '_(score|survival_risk)$'"
                )
                looks.append(frozenset((name, oid) for name, oid in found))

    watcher = threading.Thread(target=look)
    watcher.start()
    outcome = runner.build(built, "before_scoring")
    stop.set()
    watcher.join()
    assert outcome.passed
    after = fingerprint(built)
    assert {table: rows for table, (_, rows) in after.items()} == {table: rows for table, (_, rows) in before.items()}
    assert after["marts.fct_exam"] != before["marts.fct_exam"]
    assert after["marts.fct_risk_score"] == before["marts.fct_risk_score"]  # not of this selector
    assert len(set(looks)) <= 2


def test_every_node_is_recorded(built: Settings) -> None:
    outcome = runner.build(built, "after_scoring")
    with db.connect("wh_transform", built) as connection:
        rows = connection.execute(
            "select node, status, seconds from ops.model_run where run_id = %s", (outcome.run_id,)
        ).fetchall()
    assert len(rows) == len(outcome.results) > 0
    assert ("model.fct_risk_score", "success") in {(node, status) for node, status, _ in rows}


def test_working_files_hold_neither_rows_nor_the_password(built: Settings) -> None:
    with administrator(built, built.database) as server:
        people = [str(k) for (k,) in server.execute("select person_key from marts.dim_person limit 50")]
    secrets = [*people, db.password("wh_transform", built)]
    files = [p for folder in (runner.target(built), built.logs / "dbt") for p in folder.rglob("*") if p.is_file()]
    assert any(p.name == "run_results.json" for p in files)
    for path in files:
        content = path.read_text(errors="replace")
        assert not [s for s in secrets if s in content], path.name
    assert not (built.root / "dbt_project" / "target").exists()


def test_a_second_build_at_once_is_refused(built: Settings) -> None:
    with db.connect("wh_transform", built, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('wellhouse dbt build'))")
        with pytest.raises(WellhouseError, match="another build is running"):
            runner.build(built, "before_scoring")


def test_a_project_that_does_not_parse_is_one_line(built: Settings, project: Path) -> None:
    (project / "models/marts/exam/fct_exam.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(WellhouseError, match="nowhere") as error:
        runner.build(built, "before_scoring", project)
    assert "\n" not in str(error.value)


def test_failures_are_told_without_the_row() -> None:
    entry = {
        "unique_id": "model.wellhouse.fct_exam",
        "status": "error",
        "execution_time": 1.5,
        "message": "Database Error\n  invalid input syntax\n  DETAIL: Failing row contains (42, Wang).\n",
    }
    result = runner._node_result(json.loads(json.dumps(entry)))
    assert result == runner.NodeResult("model.fct_exam", "error", None, 1.5, "Database Error invalid input syntax")
