"""``wellhouse summaries --site S --year Y``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.commands.summary import Language

app = typer.Typer()


@app.command()
def summaries(
    site: Annotated[str, typer.Option(help="whose people")],
    year: Annotated[int, typer.Option(help="in which they were examined: the summary is of their last exam in it")],
    output: Annotated[Path, typer.Option(help="the folder for the PDFs and manifest.json")],
    username: Annotated[
        str, typer.Option("--as", help="whose rights: a reader of `wellhouse user list`; there is no default")
    ],
    lang: Annotated[Language, typer.Option(help="zh or en")] = Language.zh,
    limit: Annotated[int, typer.Option(min=1, help="at most so many; the manifest says when there are more")] = 20_000,
    password_file: Annotated[
        Path | None, typer.Option(help="lock every PDF (AES-256) with the first line of this file")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the health summaries of everybody examined at a site in a year, with a reader's own rights."""
    from wellhouse.settings import settings
    from wellhouse.summaries import batch
    from wellhouse.summaries.summary import read_password

    password = read_password(password_file) if password_file else None
    made = batch.summaries(settings(), site, year, output, username, lang.value, limit, password, _show)
    if as_json:
        print(json.dumps(asdict(made)))
    else:
        more = "; there are more" if made.truncated else ""
        print(f"{output}: {made.count} summaries in {made.seconds} s{more}")


def _show(done: int, count: int) -> None:
    """On a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{done}/{count}", end="\n" if done == count else "", file=sys.stderr, flush=True)
