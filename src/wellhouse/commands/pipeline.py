"""``wellhouse pipeline run``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _pipeline() -> None:
    """Run the DAGs and wait for them."""


@app.command()
def run(
    dag: Annotated[
        list[str] | None, typer.Option("--dag", help="only this one; repeatable; none: ingest and build")
    ] = None,
) -> None:
    """Switch the DAGs on, ingest what is in the inbox, build the marts, wait; exit 1 if anything failed."""
    from wellhouse.ops import pipeline
    from wellhouse.settings import settings

    pipeline.run(settings(), dag or (), lambda line: print(line, flush=True))
