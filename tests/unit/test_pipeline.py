"""Which DAGs run by the clock: every one there is, from the first start on, unless somebody paused it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wellhouse.errors import WellhouseError
from wellhouse.ops import pipeline
from wellhouse.settings import PROJECT_ROOT, Settings


class Airflow:
    """What Airflow knows: a DAG is paused until somebody switches it on."""

    def __init__(self, dags: tuple[str, ...]) -> None:
        self.off, self.ran = set(dags), set[str]()

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait_until_known(self, dag: str) -> None:
        assert (PROJECT_ROOT / "dags" / f"{dag}.py").exists()

    def paused(self, dag: str) -> bool:
        return dag in self.off

    def unpause(self, dag: str) -> None:
        self.off.discard(dag)

    def trigger(self, dag: str) -> str:
        self.ran.add(dag)
        return dag

    def run(self, dag: str, _: str) -> dict[str, Any]:
        return {"state": "success"}

    def newest_run(self, dag: str) -> dict[str, Any] | None:
        return {"state": "success"} if dag in self.ran else None


@pytest.fixture
def of(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path)


@pytest.fixture
def airflow(of: Settings, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    there = Airflow(tuple(f.stem for f in (PROJECT_ROOT / "dags").glob("[a-z]*.py")))
    monkeypatch.setattr(pipeline, "Airflow", lambda _: there)
    return there


def test_every_dag_there_is_is_switched_on(of: Settings, airflow: Airflow) -> None:
    assert len(airflow.off) > 15
    pipeline.switch_on(of)
    assert airflow.off == set()
    assert airflow.ran == {"back_up", "heartbeat"}, "the others wait for their hour"


def test_what_an_operator_paused_stays_paused(of: Settings, airflow: Airflow) -> None:
    pipeline.switch_on(of)
    airflow.off = {"fit_risk_models", "back_up"}
    pipeline.switch_on(of)
    assert airflow.off == {"fit_risk_models", "back_up"}


def test_a_pause_outlasts_its_stamp(of: Settings, airflow: Airflow) -> None:
    airflow.ran = {"ingest_cards"}
    pipeline.switch_on(of)
    assert airflow.off == {"ingest_cards"}


def test_every_dag_there_is_can_be_run(of: Settings, airflow: Airflow) -> None:
    said: list[str] = []
    for dag in sorted(airflow.off):
        pipeline.run(of, [dag], said.append)
    assert airflow.off == set()
    assert len(said) == len(airflow.ran)
    with pytest.raises(WellhouseError, match="there is no DAG ingest_horoscopes: there are apply_retention, back_up, "):
        pipeline.run(of, ["ingest_horoscopes"], said.append)


def test_alone_it_ingests_everything_and_builds(of: Settings, airflow: Airflow) -> None:
    pipeline.run(of, (), print)
    assert airflow.ran == {n for n in pipeline.names(of) if n.startswith("ingest_")} | {"build_marts"}
