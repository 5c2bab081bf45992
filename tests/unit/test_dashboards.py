"""The files under ``dashboards/``: normalised, consistent with each other, and no dataset without a row rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from wellhouse.access.readers import ROLES
from wellhouse.superset import assets, deploy, roles, row_rules

Assets = dict[str, dict[str, dict[str, Any]]]
DASHBOARDS = {
    "audit", "follow-up", "indicator-trends", "interventions", "operations", "person-page", "population-health", "risk",
}  # fmt: skip
OF_ONE_INDICATOR = {"value", "mean_value", "median_value", "value_now", "value_from", "value_to", "change"}
"""Columns and metrics that mean nothing without their unit."""


@pytest.fixture(scope="module")
def folder(project_root: Path) -> Path:
    return project_root / "dashboards"


@pytest.fixture(scope="module")
def tree(folder: Path) -> Assets:
    return assets.load(folder / "assets")


@pytest.fixture(scope="module")
def rules(folder: Path) -> row_rules.Rules:
    return row_rules.load(folder / "access" / "row_level_security.yaml")


@pytest.fixture(scope="module")
def known_roles(folder: Path) -> dict[str, roles.Role]:
    return {r.name: r for r in roles.load(folder / "access" / "roles.yaml")}


def test_all_dashboards_are_on_one_database(tree: Assets) -> None:
    assert set(tree["dashboards"]) == DASHBOARDS
    assert set(tree["databases"]) == {"warehouse"}


def test_every_uuid_is_used_once(tree: Assets) -> None:
    uuids = [document["uuid"] for kind in tree.values() for document in kind.values()]
    assert len(uuids) == len(set(uuids))


def test_file_names_are_slugs(tree: Assets) -> None:
    assert all(d["slug"] == name for name, d in tree["dashboards"].items())
    assert all(d["table_name"] == name for name, d in tree["datasets"].items())
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in tree["charts"])


def test_charts_are_normalised(tree: Assets) -> None:
    for name, chart in tree["charts"].items():
        assert "query_context" not in chart, name
        assert not {"datasource", "slice_id", "dashboards"} & chart["params"].keys(), name


def test_datasets_hold_no_sql(tree: Assets) -> None:
    assert all(d["sql"] is None for d in tree["datasets"].values())


def test_the_database_file_holds_no_address_and_no_secret(tree: Assets) -> None:
    database = tree["databases"]["warehouse"]
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2://"
    assert not {"password", "encrypted_extra", "masked_encrypted_extra"} & database.keys()
    forbidden = ("allow_dml", "allow_ctas", "allow_cvas", "allow_file_upload", "allow_run_async")
    assert not any(database[x] for x in forbidden)


def test_references_point_at_something(tree: Assets) -> None:
    databases = {d["uuid"] for d in tree["databases"].values()}
    datasets = {d["uuid"] for d in tree["datasets"].values()}
    charts = {c["uuid"] for c in tree["charts"].values()}
    assert {d["database_uuid"] for d in tree["datasets"].values()} <= databases
    assert {c["dataset_uuid"] for c in tree["charts"].values()} <= datasets
    shown = {cell["meta"]["uuid"] for d in tree["dashboards"].values() for cell in cells(d)}
    assert shown == charts, "a chart on no dashboard, or a dashboard with a chart that does not exist"
    for dashboard in tree["dashboards"].values():
        targets = [t for f in filters(dashboard) for t in f["targets"]]
        assert {t["datasetUuid"] for t in targets} <= datasets


def test_charts_use_columns_and_metrics_of_their_dataset(tree: Assets) -> None:
    datasets = {d["uuid"]: d for d in tree["datasets"].values()}
    for name, chart in tree["charts"].items():
        dataset = datasets[chart["dataset_uuid"]]
        columns = {c["column_name"] for c in dataset["columns"]}
        metrics = {m["metric_name"] for m in dataset["metrics"]}
        assert set(used_columns(chart["params"])) <= columns, name
        assert set(used_metrics(chart["params"])) <= metrics, name


def test_no_two_columns_of_a_table_have_one_name(tree: Assets) -> None:
    """Superset makes no workbook of a table in which two columns are called alike."""
    names = {}
    for slug, dataset in tree["datasets"].items():
        names[dataset["uuid"]] = {c["column_name"]: c["verbose_name"] for c in dataset["columns"]}
        assert len(set(names[dataset["uuid"]].values())) == len(dataset["columns"]), slug
        names[dataset["uuid"]] |= {m["metric_name"]: m["verbose_name"] for m in dataset["metrics"]}
    for slug, chart in tree["charts"].items():
        params = chart["params"] | {"adhoc_filters": [], "timeseries_limit_metric": None}
        asked = [*used_columns(params), *used_metrics(params)]
        called = [names[chart["dataset_uuid"]].get(x, x) for x in asked]
        assert len(set(called)) == len(called), (slug, called)


def test_a_chart_of_values_never_mixes_units(tree: Assets) -> None:
    """Exactly one indicator is chosen, always, wherever values of an indicator are drawn."""
    charts = {c["uuid"]: c for c in tree["charts"].values()}
    for slug, dashboard in tree["dashboards"].items():
        chosen = [f for f in filters(dashboard) if f["id"] == "NATIVE_FILTER-indicator"]
        excluded = {n for f in chosen for n in f["scope"]["excluded"]}
        for cell in cells(dashboard):
            params = charts[cell["meta"]["uuid"]]["params"]
            if chosen and cell["meta"]["chartId"] not in excluded:
                continue
            mixed = OF_ONE_INDICATOR & {*used_columns(params), *used_metrics(params)}
            beside = params["viz_type"] == "table" and "unit" in set(used_columns(params))
            assert not mixed or beside, (slug, cell["meta"]["sliceName"])
        for indicator in chosen:
            assert indicator["controlValues"]["enableEmptyFilter"] is True  # Superset's name for "required"
            assert indicator["controlValues"]["multiSelect"] is False
            assert indicator["defaultDataMask"]["filterState"]["value"]


def test_titles_are_in_both_languages(tree: Assets) -> None:
    titles = [c["slice_name"] for c in tree["charts"].values()]
    titles += [d["dashboard_title"] for d in tree["dashboards"].values()]
    titles += [f["name"] for d in tree["dashboards"].values() for f in filters(d)]
    for title in titles:
        assert re.search(r"[A-Za-z]", title), title
        assert re.search(r"[\u4e00-\u9fff]", title), title


def test_every_dataset_has_a_row_rule_or_a_written_exemption(tree: Assets, rules: row_rules.Rules) -> None:
    names = deploy.dataset_names(tree["datasets"].values())
    assert row_rules.uncovered(rules, names) == []
    ruled = {d for r in rules.rules for d in r.datasets}
    assert ruled | rules.exemptions.keys() == set(names), "a rule for a dataset that does not exist"
    assert not ruled & rules.exemptions.keys()


def test_a_dataset_without_a_rule_is_named(rules: row_rules.Rules) -> None:
    assert row_rules.uncovered(rules, ["marts.fct_secret"]) == ["marts.fct_secret"]
    rule, *others = rules.rules
    loosened = replace(rules, rules=[replace(rule, datasets=rule.datasets[1:]), *others])
    assert row_rules.uncovered(loosened, rule.datasets) == [rule.datasets[0]]


def test_an_exemption_without_a_reason_is_none(rules: row_rules.Rules) -> None:
    assert row_rules.uncovered(replace(rules, exemptions={"population.x": " "}), ["population.x"]) == ["population.x"]


def test_only_what_names_no_person_and_no_site_of_ones_own_is_exempt(tree: Assets, rules: row_rules.Rules) -> None:
    for name in rules.exemptions:
        schema, table = name.split(".")
        columns = {c["column_name"] for c in tree["datasets"][table]["columns"]}
        assert "person_key" not in columns, name
        assert schema == "population" or "site" not in columns, name


def test_every_role_of_a_reader_is_described(known_roles: dict[str, roles.Role]) -> None:
    assert known_roles.keys() | roles.BUILT_IN.keys() == set(ROLES)


def test_management_has_neither_persons_nor_sql(known_roles: dict[str, roles.Role]) -> None:
    management = known_roles["management"]
    assert all(d.startswith("population.") for d in management.datasets)
    assert management.dashboards == ("population-health",)
    assert not {view for _, view in management.permissions} & {"SQLLab", "SQL Lab", "Query", "Database", "Datasource"}


@pytest.mark.parametrize("role", ["analyst", "health_manager", "management", "auditor"])
def test_no_reader_may_change_what_others_see(known_roles: dict[str, roles.Role], role: str) -> None:
    own = {"DashboardFilterStateRestApi", "DashboardPermalinkRestApi", "ExploreFormDataRestApi",
           "ExplorePermalinkRestApi", "SavedQuery"}  # fmt: skip
    changing = ("can_write", "can_import_", "can_save")
    assert {view for name, view in known_roles[role].permissions if name in changing} <= own
    everything = {"all_database_access", "all_datasource_access", "database_access", "schema_access"}
    assert not everything & {name for name, _ in known_roles[role].permissions}


def test_roles_open_what_exists(tree: Assets, known_roles: dict[str, roles.Role]) -> None:
    names = set(deploy.dataset_names(tree["datasets"].values()))
    for role in known_roles.values():
        assert set(role.datasets) <= names
        assert set(role.dashboards) <= tree["dashboards"].keys()


def test_the_same_files_give_the_same_bundle(folder: Path) -> None:
    assert assets.bundle(folder / "assets") == assets.bundle(folder / "assets")


def cells(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (c for c in dashboard["position"].values() if isinstance(c, dict) and c["type"] == "CHART")


def filters(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return list(dashboard["metadata"]["native_filter_configuration"])


def used_columns(params: dict[str, Any]) -> Iterator[str]:
    groups = params.get("groupby", [])
    yield from [groups] if isinstance(groups, str) else groups
    yield from params.get("all_columns", [])
    yield from (params[k] for k in ("x_axis", "column", "source", "target") if k in params)
    yield from (f["subject"] for f in params["adhoc_filters"])


def used_metrics(params: dict[str, Any]) -> Iterator[str]:
    named = [*params.get("metrics", []), params.get("metric"), params.get("timeseries_limit_metric")]
    yield from (m for m in named if isinstance(m, str))


def test_datasets_show_what_is_promised(project_root: Path, tree: Assets) -> None:
    """Every physical column is in the contract of the dbt model of its name, or in the table that programs write."""
    promised: dict[str, set[str]] = {}
    for file in (project_root / "dbt_project" / "models").rglob("*.yml"):
        for model in yaml.safe_load(file.read_text()).get("models") or []:
            promised[model["name"]] = {c["name"] for c in model.get("columns", [])}
    for file in (project_root / "infra" / "postgres").glob("*.sql"):
        for table, body in re.findall(r"create table if not exists \w+\.(\w+) \((.*?)\n\);", file.read_text(), re.S):
            promised.setdefault(table, set()).update(re.findall(r"^    (\w+) ", body, re.M))
        for view, columns in re.findall(r"create or replace view \w+\.(\w+) \((.*?)\) as", file.read_text(), re.S):
            promised[view] = {column.strip() for column in columns.split(",")}
    promised["record"].add("released_at")  # came by alter table
    for name, dataset in tree["datasets"].items():
        physical = {c["column_name"] for c in dataset["columns"] if "expression" not in c}
        assert physical <= promised[name], name


def test_every_reason_of_a_refusal_is_said_in_chinese_too(project_root: Path, tree: Assets) -> None:
    text = (project_root / "docs" / "data_formats.md").read_text()
    table = text.partition("## Why a record was refused")[2].partition("\nMessages name")[0]
    codes = {code for row in re.findall(r"^\| (.+?) \|", table, re.M) for code in re.findall(r"`(\w+)`", row)}
    assert len(codes) > 60
    column = next(c for c in tree["datasets"]["record"]["columns"] if c["column_name"] == "reason_name")
    worded = dict(re.findall(r"WHEN '(\w+)' THEN '([^']+)'", column["expression"]))
    assert codes - worded.keys() == set()
    assert all(re.search(r"[\u4e00-\u9fff]", word) for word in worded.values())
