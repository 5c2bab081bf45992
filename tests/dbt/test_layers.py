"""The layer rules of dbt-project-evaluator, asked of dbt's own manifest: which are broken, and why where one is.

https://dbt-labs.github.io/dbt-project-evaluator/: its package needs dbt's package hub at every build; the rules do not.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest
import yaml

from wellhouse import build as runner
from wellhouse.reports import plan
from wellhouse.settings import Settings
from wellhouse.superset import assets

READ = ("marts", "population")
PREFIXES = {
    "staging": ("stg_",), "intermediate": ("int_",), "population": ("rpt_population_",),
    "marts": ("dim_", "fct_", "rpt_operations_", "person_timeline"),
}  # fmt: skip
REJOINED = {
    ("int_exam__interpreted", "int_population__crossed"): "which cells may be shown, then the cells",
    ("int_questionnaire__answered", "int_scale__slept"): "one scale of several has parts of its own",
    ("int_intervention__compared", "int_intervention__spread"): "how far values lie apart, then who lies near",
}
"""(parent, step between) of a model that reads both: the step is apart because it has unit tests of its own."""
LONGEST_JOIN = 7


class Project:
    """Models and what they read, by name."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.manifest = manifest
        self.models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
        self.sources = {key: f"{s['source_name']}.{s['name']}" for key, s in manifest["sources"].items()}
        self.parents = {name: self._parents(node) for name, node in self.models.items()}
        self.children = defaultdict(set)
        for name, parents in self.parents.items():
            for parent in parents:
                self.children[parent].add(name)

    def _parents(self, node: dict[str, Any]) -> set[str]:
        return {self.sources.get(key, key.split(".")[-1]) for key in node["depends_on"]["nodes"]}

    def layer(self, name: str) -> str:
        return str(self.models[name]["fqn"][1]) if name in self.models else "source" if "." in name else "seed"

    def exposed(self, name: str) -> set[str]:
        (found,) = (e for e in self.manifest["exposures"].values() if e["name"] == name)
        return {key.split(".")[-1] for key in found["depends_on"]["nodes"]}

    def of(self, *layers: str) -> list[str]:
        return [name for name in self.models if self.layer(name) in layers]


@pytest.fixture(scope="module")
def charts(built: Settings) -> dict[str, str]:
    """The table behind each chart of the dashboards, by the chart's name and by its UUID."""
    tree = assets.load(built.root / "dashboards" / "assets")
    tables = {dataset["uuid"]: dataset["table_name"] for dataset in tree["datasets"].values()}
    return {
        key: tables[chart["dataset_uuid"]] for slug, chart in tree["charts"].items() for key in (slug, chart["uuid"])
    }


@pytest.fixture(scope="module")
def project(built: Settings) -> Project:
    return Project(json.loads((runner.target(built) / "manifest.json").read_text()))


def test_every_model_is_in_a_layer_and_named_after_it(project: Project) -> None:
    assert {project.layer(name) for name in project.models} == PREFIXES.keys()
    assert [name for name in project.models if not name.startswith(PREFIXES[project.layer(name)])] == []
    assert [name for name, node in project.models.items() if not node["path"].startswith(node["fqn"][1])] == []


def test_staging_reads_one_source_and_nothing_else(project: Project) -> None:
    reads = {name: {project.layer(p) for p in project.parents[name]} for name in project.of("staging")}
    assert {name for name, layers in reads.items() if layers != {"source"}} == set()
    assert [name for name in project.of("staging") if len(project.parents[name]) > 1] == []


def test_a_source_is_used_once_and_by_staging_only(project: Project) -> None:
    users = {source: project.children[source] for source in project.sources.values()}
    assert {source: found for source, found in users.items() if len(found) != 1} == {}
    places = [(s["schema"], s["identifier"]) for s in project.manifest["sources"].values()]
    assert len(places) == len(set(places))
    assert all(project.layer(name) == "staging" for found in users.values() for name in found)


def test_no_model_stands_alone(project: Project) -> None:
    assert [name for name, parents in project.parents.items() if not parents] == []
    assert [name for name in project.of("staging", "intermediate") if not project.children[name]] == []


def test_nothing_is_referred_to_by_hand(project: Project) -> None:
    schemas = "|".join({*(n["schema"] for n in project.manifest["nodes"].values()), "landing", "risk", "marts"})
    by_hand = re.compile(rf"\b(?:from|join)\s+\"?(?:{schemas})\"?\.", re.IGNORECASE)
    assert [name for name, node in project.models.items() if by_hand.search(node["raw_code"])] == []


def test_no_model_joins_too_much(project: Project) -> None:
    joins = {name: len(re.findall(r"\bjoin\b", node["raw_code"])) for name, node in project.models.items()}
    assert {name: count for name, count in joins.items() if count > LONGEST_JOIN} == {}


def test_what_rejoins_its_parent_has_a_reason(project: Project) -> None:
    rejoined = {
        (parent, step)
        for step, parents in project.parents.items()
        for parent in parents & project.models.keys()
        if len(parents) == 1 and len(project.children[step]) == 1 and project.children[step] <= project.children[parent]
    }
    assert rejoined == REJOINED.keys()


def test_exposures_read_marts_only_and_have_an_owner(project: Project) -> None:
    for exposure in project.manifest["exposures"].values():
        assert exposure["description"], exposure["name"]
        assert exposure["owner"]["name"], exposure["name"]
        assert {project.layer(key.split(".")[-1]) for key in exposure["depends_on"]["nodes"]} <= set(READ)


def test_every_dashboard_has_an_exposure_of_the_marts_that_it_reads(
    project: Project, charts: dict[str, str], built: Settings
) -> None:
    for path in (built.root / "dashboards/assets/dashboards").glob("*.yaml"):
        cells = [c for c in yaml.safe_load(path.read_text())["position"].values() if isinstance(c, dict)]
        read = {charts[cell["meta"]["uuid"]] for cell in cells if cell["type"] == "CHART"} & project.models.keys()
        if read:  # operations and audit show tables that programs write
            assert read <= project.exposed(path.stem.replace("-", "_")), path.stem


def test_every_report_has_an_exposure_of_the_marts_that_it_reads(
    project: Project, charts: dict[str, str], built: Settings
) -> None:
    for name, report in plan.load(built.root / "dashboards/reports.yaml").reports.items():
        read = {charts[slug] for slug in report.charts} & project.models.keys()
        if read:
            assert read == project.exposed(f"{name.replace('-', '_')}_report"), name


def test_the_documentation_is_one_page_that_names_every_model(project: Project, built: Settings) -> None:
    done = runner.dbt(built, "docs", "generate", "--static")
    assert done.returncode == 0, done.stdout[-2000:]
    page = (runner.target(built) / "static_index.html").read_text()
    assert page.lstrip().startswith("<!DOCTYPE html>") or "<html" in page[:200]
    assert [name for name in project.models if f"model.wellhouse.{name}" not in page] == []
