"""``wellhouse superset …``."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _superset() -> None:
    """Deploy dashboards, datasets, roles and row rules."""


@app.command()
def deploy(as_json: AsJson = False) -> None:
    """Bring the running Superset to what dashboards/ says; twice changes nothing."""
    from wellhouse.access import readers
    from wellhouse.settings import settings
    from wellhouse.superset import deploy as deployment

    of = settings()
    accounts = [deployment.Account(r.username, r.role) for r in readers.everyone(of) if r.active]
    done = deployment.deploy(of, accounts)
    if as_json:
        print(json.dumps(asdict(done)))
    else:
        counts = ", ".join(f"{n} {kind}" for kind, n in done.assets.items())
        print(f"{counts}, {done.roles} roles, {done.row_rules} row rules, {done.users} users in {done.seconds} s")
