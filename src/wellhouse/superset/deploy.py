"""Everything Superset shows, and to whom, from ``dashboards/``: running it twice changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.superset import assets, roles, row_rules, users
from wellhouse.superset.client import Superset


@dataclass(frozen=True)
class Account:
    """A person who is to have an account."""

    username: str
    role: str


@dataclass(frozen=True)
class Deployed:
    """What there is afterwards."""

    assets: dict[str, int]
    roles: int
    row_rules: int
    users: int
    seconds: float


def deploy(of: Settings, accounts: Iterable[Account]) -> Deployed:
    """Import the assets, then give roles, row rules, dashboards and accounts exactly what the files say.

    :raises WellhouseError: Superset refuses, or the files contradict each other
    """
    started = time.monotonic()
    folder = of.root / "dashboards"
    wanted = roles.load(folder / "access" / "roles.yaml")
    rules = row_rules.load(folder / "access" / "row_level_security.yaml")
    bare = row_rules.uncovered(rules, dataset_names(assets.load(folder / "assets")["datasets"].values()))
    if bare:  # before anything is shown to anybody
        raise WellhouseError(f"dataset {bare[0]} has no row rule and no written exemption in row_level_security.yaml")
    with Superset(of) as superset:
        # rules of datasets that exist already stay in force while the import overwrites
        imported = assets.deploy(superset, folder / "assets")
        datasets = {
            f"{d['schema']}.{d['table_name']}": int(d["id"]) for d in superset.every("/api/v1/dataset/", "table_name")
        }
        numbers = roles.numbers(superset)
        for role in wanted:  # a rule names roles, so they exist before any of them can read a dataset
            if role.name not in numbers:
                numbers[role.name] = int(superset.post("/api/v1/security/roles/", {"name": role.name})["id"])
        rule_count = row_rules.deploy(superset, rules, datasets, numbers)
        roles.deploy(superset, wanted, datasets)
        _open_dashboards(superset, wanted, numbers)
        accounts = list(accounts)
        for account in accounts:
            users.ensure(superset, account.username, account.role, of.secret(f"password_{account.username}"))
    return Deployed(imported, len(wanted), rule_count, len(accounts), round(time.monotonic() - started, 1))


def dataset_names(documents: Iterable[dict[str, object]]) -> list[str]:
    """``schema.table`` of dataset documents."""
    return [f"{d['schema']}.{d['table_name']}" for d in documents]


def _open_dashboards(superset: Superset, wanted: list[roles.Role], numbers: dict[str, int]) -> None:
    for dashboard in superset.every("/api/v1/dashboard/", "dashboard_title"):
        readers = sorted(numbers[r.name] for r in wanted if dashboard["slug"] in r.dashboards)
        path = f"/api/v1/dashboard/{dashboard['id']}"
        if readers != sorted(r["id"] for r in superset.get(path)["result"]["roles"]):
            superset.put(path, {"roles": readers})
