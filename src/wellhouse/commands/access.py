"""``wellhouse access …``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import As, AsJson

app = typer.Typer(no_args_is_help=True, help="Review who may read what.")


@app.command()
def review(as_json: AsJson = False) -> None:
    """Every grant of PostgreSQL, Superset and Airflow against what is declared; who is to be confirmed by when."""
    from wellhouse.access import reviews
    from wellhouse.settings import settings

    done = reviews.review(settings())
    if as_json:
        print(json.dumps(done.as_json(), default=str))
        return
    for reader in done.readers:
        for site, until in [(g.site, g.valid_until) for g in reader.sites] or [("-", None)]:
            ends = min(e for e in (until, reader.valid_until, reader.review_due) if e is not None)
            print(f"{reader.username:<20} {reader.role:<15} {site:<12} {reader.state:<11} until {ends:%Y-%m-%d %H:%M}")
    for each in done.drift:
        print(f"NOT DECLARED {each.system:<9} {each.principal:<20} {each.kind} {each.object}: {each.verbs}")
    print(f"{done.grants} grants, {len(done.drift)} not declared")


@app.command()
def confirm(
    names: Annotated[list[str], typer.Argument(help="readers whose access stands for another 90 days")],
    purpose: Annotated[str, typer.Option("--purpose", help="what the review saw; kept in the audit trail")],
    username: As = None,
) -> None:
    """Confirm readers in a review. Who is not confirmed in time reads nothing any more: PostgreSQL sees to it."""
    from wellhouse.access import reviews
    from wellhouse.settings import settings

    for name in names:
        print(f"{name}: until {reviews.confirm(settings(), name, username, purpose):%Y-%m-%d}")


@app.command()
def declare(
    output: Annotated[Path, typer.Option("--output", help="the file to write")] = Path("infra/postgres/grants.csv"),
) -> None:
    """Write down the grants of PostgreSQL as they are: read the difference before you commit it."""
    from wellhouse import files
    from wellhouse.access import grants
    from wellhouse.settings import settings

    files.replace(output, grants.written(grants.postgres(settings())).encode())
