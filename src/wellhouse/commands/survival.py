"""``wellhouse survival``: fit and evaluate survival models on any CSV, by ``python -m models.<verb>``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.commands.risk import absolute, run

app = typer.Typer(no_args_is_help=True, help="Survival models, described by a YAML spec (docs/risk_models.md).")

Spec = Annotated[Path, typer.Argument(help="YAML: duration, event, covariates, filter, horizon …")]
Data = Annotated[Path, typer.Option(help="CSV, plain or gzip, in any encoding and separator.")]
Output = Annotated[Path, typer.Option(help="Folder to write into.")]


def _json(wanted: bool) -> list[str]:
    return ["--json"] if wanted else []


@app.command()
def fit(spec: Spec, data: Data, output: Output, as_json: AsJson = False) -> None:
    """Fit a model: coefficients/v<N>.json, and metrics.json by cross-validation."""
    run("fit", absolute(spec), "--data", absolute(data), "--output", absolute(output), *_json(as_json))


@app.command()
def evaluate(
    spec: Spec,
    data: Data,
    output: Output,
    coefficients: Annotated[Path | None, typer.Option(help="Validate these, fitted before, on the data.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write metrics.json: by cross-validation, or of coefficients fitted on other people."""
    given = ["--coefficients", absolute(coefficients)] if coefficients else []
    run("evaluate", absolute(spec), "--data", absolute(data), "--output", absolute(output), *given, *_json(as_json))
