"""Superset's own row rules, the second fence behind PostgreSQL's policies: ``row_level_security.yaml``.

Every dataset has a rule or a written exemption; :func:`uncovered` names those that have neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wellhouse.errors import WellhouseError
from wellhouse.superset.client import Superset

PATH = "/api/v1/rowlevelsecurity/"


@dataclass(frozen=True)
class Rule:
    """One clause, added to every query of ``datasets``. ``filter_type`` Base: for everyone but ``roles``."""

    name: str
    description: str
    filter_type: str
    clause: str
    roles: tuple[str, ...]
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """The whole file."""

    rules: list[Rule]
    exemptions: dict[str, str]
    """``schema.table`` → why it needs no rule."""


def load(file: Path) -> Rules:
    document = yaml.safe_load(file.read_text())
    rules = [
        Rule(r["name"], r["description"], r["filter_type"], r["clause"], tuple(r["roles"]), tuple(r["datasets"]))
        for r in document["rules"]
    ]
    return Rules(rules, dict(document["exemptions"]))


def uncovered(rules: Rules, datasets: Iterable[str]) -> list[str]:
    """Datasets (``schema.table``) with neither a rule nor a reason for having none."""
    covered = {d for r in rules.rules for d in r.datasets} | {d for d, why in rules.exemptions.items() if why.strip()}
    return sorted(set(datasets) - covered)


def deploy(superset: Superset, rules: Rules, dataset_numbers: dict[str, int], role_numbers: dict[str, int]) -> int:
    """Make Superset's rules exactly those of the file, by name; how many there are.

    :raises WellhouseError: a dataset would be without a rule
    """
    bare = uncovered(rules, dataset_numbers)
    if bare:
        raise WellhouseError(f"dataset {bare[0]} has no row rule and no written exemption in row_level_security.yaml")
    present = {r["name"]: int(r["id"]) for r in superset.every(PATH, "name")}
    for name in present.keys() - {r.name for r in rules.rules}:
        superset.delete(f"{PATH}{present[name]}")
    for rule in rules.rules:
        wanted = _document(rule, dataset_numbers, role_numbers)
        if rule.name not in present:
            superset.post(PATH, wanted)
        elif _current(superset, present[rule.name]) != wanted:
            superset.put(f"{PATH}{present[rule.name]}", wanted)
    return len(rules.rules)


def _document(rule: Rule, dataset_numbers: dict[str, int], role_numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": rule.description,
        "filter_type": rule.filter_type,
        "clause": rule.clause,
        "group_key": "",
        "tables": sorted(dataset_numbers[d] for d in rule.datasets),
        "roles": sorted(role_numbers[r] for r in rule.roles),
    }


def _current(superset: Superset, number: int) -> dict[str, Any]:
    rule = superset.get(f"{PATH}{number}")["result"]
    listed = {key: sorted(each["id"] for each in rule[key]) for key in ("tables", "roles")}
    plain = {key: rule[key] or "" for key in ("name", "description", "filter_type", "clause", "group_key")}
    return plain | listed
