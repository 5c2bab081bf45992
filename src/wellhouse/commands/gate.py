"""``wellhouse gate run``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _gate() -> None:
    """Check landed rows before they are built on."""


@app.command()
def run(
    whole: Annotated[bool, typer.Option(help="also loads that held when they were checked last")] = False,
    as_json: AsJson = False,
) -> None:
    """Run every suite on loads that came or changed since they held; exit 1 if a critical expectation failed."""
    from wellhouse.gate import run as gate

    outcome = gate.run(settings(), whole)
    if as_json:
        print(json.dumps(outcome.document()))
    else:
        for suite in outcome.suites:
            counts = f"{len(suite.checks):3} checked {len(suite.failures):3} failed of {suite.rows:,} rows"
            print(f"{suite.table:22} {counts} {suite.seconds:6.1f} s")
    for suite in outcome.suites:
        for failure in suite.failures:
            typer.echo(f"wellhouse: landing.{suite.table}: {failure}", err=True)
    if not outcome.passed:
        typer.echo(f"wellhouse: the gate is closed: nothing is built on these rows (run {outcome.run_id})", err=True)
        raise typer.Exit(1)
