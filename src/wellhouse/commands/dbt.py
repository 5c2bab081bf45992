"""``wellhouse dbt build --selector S``."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True)


class Selector(StrEnum):
    """The two halves around scoring, and nothing else: a part of a build would be shown as a whole."""

    before_scoring = "before_scoring"
    after_scoring = "after_scoring"


@app.callback()
def _dbt() -> None:
    """Build the dbt project."""


@app.command()
def build(
    selector: Annotated[Selector, typer.Option(help="which half of the project")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="tags, follow-ups and advice as known on that day")
    ] = None,
    whole: Annotated[bool, typer.Option(help="everything anew, not only persons of whom something landed")] = False,
    as_json: AsJson = False,
) -> None:
    """Build and test a selector; readers see its marts only if everything passed."""
    from wellhouse import build as runner

    outcome = runner.build(settings(), selector.value, as_of=as_of.date().isoformat() if as_of else "", whole=whole)
    failed = [r for r in outcome.results if r.failed]
    if as_json:
        print(json.dumps(asdict(outcome)))
    else:
        seconds = sum(r.seconds for r in outcome.results)
        of = "" if outcome.touched is None else f" for {outcome.touched} persons"
        print(f"{len(outcome.results)} nodes, {len(failed)} failed, {seconds:.1f} s of work{of}")
    for result in failed:
        typer.echo(f"wellhouse: {result.node}: {result.status}: {result.message or 'failed'}", err=True)
    if not outcome.passed:
        typer.echo(f"wellhouse: build failed, the marts are as they were (run {outcome.run_id})", err=True)
        raise typer.Exit(1)
