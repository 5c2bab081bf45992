"""``wellhouse risk``: list equations and models, score a file. The work is done by ``python -m models.<verb>``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.children import bound
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True, help="Published equations and survival models.")


def run(verb: str, *arguments: str) -> None:
    """Run ``python -m models.<verb>`` at the project's root and end with its exit code."""
    command = [sys.executable, "-m", f"models.{verb}", *arguments]
    done = subprocess.run(bound(command), cwd=settings().root, check=False)
    raise typer.Exit(done.returncode)


def absolute(path: Path) -> str:
    """The path as it is meant where the command was typed."""
    return str(path.expanduser().absolute())


@app.command("list")
def list_models(json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Equations and models: inputs, units, limits, source."""
    run("list", *(["--json"] if json else []))


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="A name of `wellhouse risk list`.")],
    input: Annotated[Path, typer.Option(help="CSV of inputs, named as `risk list` names them.")],
    output: Annotated[Path, typer.Option(help="CSV to write: one row for each row of the input.")],
) -> None:
    """Score a CSV file; no database is needed."""
    run("score_file", model, "--input", absolute(input), "--output", absolute(output))
