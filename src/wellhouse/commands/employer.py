"""``wellhouse employer key``."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _employer() -> None:
    """What reports call an employer."""


@app.command()
def key(
    names: Annotated[list[str], typer.Argument(help="as files write them; of one employer all spellings")],
    site: Annotated[str, typer.Option(help="whose files")],
    shown: Annotated[str, typer.Option(help="what reports call all of them; default: each by itself")] = "",
) -> None:
    """Print the lines of ``dbt_project/seeds/employers.csv`` that let reports name these employers."""
    from wellhouse.crypto.keyring import Keyring
    from wellhouse.errors import WellhouseError
    from wellhouse.ingest.employer import employer_key
    from wellhouse.settings import settings

    with Keyring.open(settings()) as keyring:
        found = [(employer_key(keyring.blind_key(), site, name), name) for name in names]
    unnamed = [name for number, name in found if not number]
    if unnamed:
        raise WellhouseError(f"no employer is called {unnamed[0]!r}")
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerows((site, number, shown or name, "the centre", 1) for number, name in found)
