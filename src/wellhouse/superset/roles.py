"""Roles with exactly the permissions of ``dashboards/access/roles.yaml``: what is not listed is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wellhouse.errors import WellhouseError
from wellhouse.superset.client import Superset

BUILT_IN = {"administrator": "Admin"}
"""A reader's role → the role that Superset itself ships."""


@dataclass(frozen=True)
class Role:
    """What one role may do in Superset; which rows it sees is PostgreSQL's business."""

    name: str
    permissions: frozenset[tuple[str, str]]
    """(permission, view), as Superset names them."""
    datasets: tuple[str, ...]
    dashboards: tuple[str, ...]


def load(file: Path) -> list[Role]:
    """The roles of the file, each with the permission sets it names."""
    document = yaml.safe_load(file.read_text())
    sets: dict[str, dict[str, list[str]]] = document["permission_sets"]
    return [_role(name, role, sets) for name, role in document["roles"].items()]


def _role(name: str, role: dict[str, Any], sets: dict[str, dict[str, list[str]]]) -> Role:
    granted = {(p, view) for s in role["permission_sets"] for view, names in sets[s].items() for p in names}
    return Role(name, frozenset(granted), tuple(role.get("datasets", ())), tuple(role.get("dashboards", ())))


def superset_name(role: str) -> str:
    """The name of a reader's role in Superset."""
    return BUILT_IN.get(role, role)


def numbers(superset: Superset) -> dict[str, int]:
    """Role name → number."""
    return {r["name"]: r["id"] for r in superset.every("/api/v1/security/roles/")}


def deploy(superset: Superset, roles: list[Role], dataset_numbers: dict[str, int]) -> dict[str, int]:
    """Make every role hold exactly its permissions; role name → number.

    :param dataset_numbers: ``schema.table`` → number
    :raises WellhouseError: the file names a permission that this Superset does not have
    """
    known = {
        (row["permission"]["name"], row["view_menu"]["name"]): int(row["id"])
        for row in superset.every("/api/v1/security/permissions-resources/")
    }
    present = numbers(superset)
    for role in roles:
        if role.name not in present:
            present[role.name] = int(superset.post("/api/v1/security/roles/", {"name": role.name})["id"])
        wanted = sorted(_wanted(role, known, dataset_numbers))
        path = f"/api/v1/security/roles/{present[role.name]}/permissions"
        if wanted != sorted(p["id"] for p in superset.get(f"{path}/")["result"]):
            superset.post(path, {"permission_view_menu_ids": wanted})
    return present


def _wanted(role: Role, known: dict[tuple[str, str], int], dataset_numbers: dict[str, int]) -> set[int]:
    missing = sorted(role.permissions - known.keys())
    if missing:
        raise WellhouseError(f"role {role.name}: this Superset has no permission {missing[0][0]} on {missing[0][1]}")
    found = {known[p] for p in role.permissions}
    for dataset in role.datasets:
        if dataset not in dataset_numbers:
            raise WellhouseError(f"role {role.name}: there is no dataset {dataset}")
        suffix = f"(id:{dataset_numbers[dataset]})"
        found |= {n for (name, view), n in known.items() if name == "datasource_access" and view.endswith(suffix)}
    return found
