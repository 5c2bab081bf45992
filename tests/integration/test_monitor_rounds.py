"""From one round to the next: alerts of what is gone or silent end, and the keystore is copied when it has changed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration import backups
from tests.integration.test_monitor import execute
from wellhouse.crypto.keyring import Keyring
from wellhouse.monitor import measures, rules
from wellhouse.monitor.watch import Watch
from wellhouse.ops import copies
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="module")
def own(backed_up: Settings) -> Settings:
    return backed_up


def test_what_was_removed_ends_its_alerts(own: Settings, tmp_path: Path) -> None:
    """As when a release lets a DAG and a mart go: their last runs are remembered, and failed."""
    execute(
        own, "airflow", "create table if not exists dag_run (dag_id text, state text, end_date timestamptz)", "airflow"
    )
    execute(own, "airflow", "insert into dag_run values ('ingest_cards', 'failed', now())", "airflow")
    execute(
        own, "wh_ops", "insert into ops.model_run (run_id, node, status, seconds, at) "
        "values ('r', 'model.wellhouse.fct_follow_up_due', 'error', 1, now() - interval '2 days')",
    )  # fmt: skip
    state, known = rules.State(), rules.load(PROJECT_ROOT)
    state.update(known, measures.collect(own, time.time()), time.time())
    names = {
        "dag_failed(dag=ingest_cards)",
        "mart_failed(mart=fct_follow_up_due)",
        "mart_stale(mart=fct_follow_up_due)",
    }
    assert names <= set(state.firing)
    without = own.model_copy(update={"root": tmp_path})
    (tmp_path / "dags").mkdir()
    _, ended = state.update(known, measures.collect(without, time.time()), time.time())
    assert names <= {alert.key for alert in ended}
    execute(own, "airflow", "delete from dag_run where dag_id = 'ingest_cards'", "airflow")
    with administrator(own, own.database) as server:
        server.execute("delete from ops.model_run where node like '%fct_follow_up_due'")


def test_a_source_that_nothing_came_of_refuses_nothing(own: Settings, tmp_path: Path) -> None:
    """Its alert ends after a day, and the next refusal is told again."""
    state, known = rules.State(), rules.load(PROJECT_ROOT)
    for content in (b"\x00\xff\xfe garbage", b"\x00\xff\xfe other garbage"):
        file = tmp_path / "hz" / "intervention" / "intervention_2024.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        backups.command(own, "ingest", str(file), "--source", "intervention", "--site", "hz")
        began, _ = state.update(known, measures.collect(own, time.time()), time.time())
        assert "file_refused(source=intervention)" in {alert.key for alert in began}
        with administrator(own, own.database) as server:
            server.execute("update ops.load set finished_at = finished_at - interval '2 days'")
        _, ended = state.update(known, measures.collect(own, time.time()), time.time())
        assert "file_refused(source=intervention)" in {alert.key for alert in ended}


def test_the_keystore_is_copied_when_it_changes_and_only_then(own: Settings) -> None:
    watch = Watch(own)
    watch.round()
    count = len(copies.Copies(own, 2, copies.KEYSTORE).listed())
    watch.round()
    assert len(copies.Copies(own, 2, copies.KEYSTORE).listed()) == count
    with Keyring.open(own) as ring:
        ring.create(1)
    watch.round()
    assert len(copies.Copies(own, 2, copies.KEYSTORE).listed()) == count + 1
    assert copies.verify_keystore(own, 2) == []
