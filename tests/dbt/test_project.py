"""The rules of the project, read from dbt's own manifest: grain, contract, one text a column, who may use a source."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from wellhouse import build as runner
from wellhouse.settings import Settings

READABLE = ("marts_next", "population_next")


@pytest.fixture(scope="module")
def manifest(built: Settings) -> dict[str, Any]:
    return dict(json.loads((runner.target(built) / "manifest.json").read_text()))


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


@pytest.fixture(scope="module")
def unique(manifest: dict[str, Any]) -> set[str]:
    """Models whose grain a test proves."""
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    return {
        test["attached_node"]
        for test in tests
        if (test.get("test_metadata") or {}).get("name") in ("unique", "unique_combination")
    }


def test_every_description_opens_with_the_grain(models: list[dict[str, Any]]) -> None:
    assert [m["name"] for m in models if not m["description"].startswith("One row: ")] == []


def test_every_grain_is_proven(models: list[dict[str, Any]], unique: set[str]) -> None:
    without_a_key = {"int_risk__declared"}
    assert {m["name"] for m in models if m["unique_id"] not in unique} == without_a_key


def test_every_mart_has_an_enforced_contract_and_a_row_policy(models: list[dict[str, Any]]) -> None:
    marts = [m for m in models if m["schema"] in READABLE]
    assert len(marts) >= 18
    for mart in marts:
        assert mart["config"]["contract"]["enforced"], mart["name"]
        assert mart["config"]["meta"]["row_policy"] in ("site", "open", "aggregate"), mart["name"]
        assert all(column["data_type"] and column["description"] for column in mart["columns"].values()), mart["name"]


def test_only_reference_rows_are_open(models: list[dict[str, Any]]) -> None:
    is_open = {m["name"] for m in models if m["config"]["meta"].get("row_policy") == "open"}
    assert is_open == {"dim_site", "dim_indicator", "dim_question", "fct_risk_calibration"}


def test_only_staging_reads_sources(models: list[dict[str, Any]]) -> None:
    reads = {m["name"] for m in models if any(d.startswith("source.") for d in m["depends_on"]["nodes"])}
    assert reads == {m["name"] for m in models if m["name"].startswith("stg_")}


def test_nothing_reads_identity(manifest: dict[str, Any]) -> None:
    assert {source["schema"] for source in manifest["sources"].values()} == {"landing", "risk"}


def test_a_column_has_one_text(models: list[dict[str, Any]]) -> None:
    texts: dict[str, set[str]] = {}
    for model in models:
        for name, column in model["columns"].items():
            texts.setdefault(name, set()).add(column["description"])
    assert {name: found for name, found in texts.items() if len(found) > 1} == {}


def test_a_column_has_one_type(models: list[dict[str, Any]]) -> None:
    types: dict[str, set[str]] = {}
    for model in models:
        for name, column in model["columns"].items():
            if column["data_type"]:
                types.setdefault(name, set()).add(column["data_type"])
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


def test_models_that_calculate_have_unit_tests(manifest: dict[str, Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    assert {
        "stg_exam__observations", "int_exam__aged", "int_exam__converted", "int_exam__interpreted",
        "int_exam__compared", "int_exam__summarised", "int_exam__ranked",
        "int_rule__sequenced", "int_rule__met", "int_rule__evaluated",
        "int_rule__raised", "int_rule__tagged",
        "int_follow_up__planned", "int_follow_up__matched", "int_follow_up__timed",
        "int_advice__allowed", "fct_advice", "int_scale__summed", "int_scale__active", "int_scale__categorised",
        "int_exam__sloped", "int_exam__projected", "int_reference__varied", "int_card__dated",
        "int_population__examined", "int_population__diagnosed", "int_population__disclosed", "int_population__crossed",
        "int_population__shown", "int_population__participating", "rpt_population_rate", "rpt_population_standardised",
        "int_care_plan__followed", "fct_adherence", "int_stage__yearly", "fct_stage_summary", "fct_time_to_goal",
        "int_intervention__observed", "int_intervention__baselined", "int_intervention__compared",
        "int_intervention__matched", "int_intervention__at_risk", "fct_intervention_outcome",
        "fct_intervention_balance", "rpt_operations_workload", "rpt_operations_membership",
        "int_scale__slept", "fct_scale_score", "fct_exam", "fct_risk_features", "rpt_population_trend",
        "rpt_population_coverage", "int_risk__dated", "int_risk__banded", "int_population__migrated",
        "int_questionnaire__worded", "dim_question",
        "rpt_population_band_migration",
    } <= tested  # fmt: skip


def test_models_are_short(project_root: Path) -> None:
    lengths = [
        sum(bool(line.strip()) for line in path.read_text().splitlines())
        for path in (project_root / "dbt_project/models").rglob("*.sql")
    ]
    assert statistics.median(lengths) <= 24  # one column a line
    assert max(lengths) <= 53


def test_exposures_name_what_people_read(manifest: dict[str, Any]) -> None:
    assert {e["name"] for e in manifest["exposures"].values()} == {
        "indicator_trends", "risk", "follow_up", "interventions", "person_page", "population_health", "health_summary",
        "population_report", "follow_up_report",
    }  # fmt: skip
