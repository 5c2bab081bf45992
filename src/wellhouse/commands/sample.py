"""``wellhouse sample``."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.errors import WellhouseError
from wellhouse.settings import settings


class Layout(StrEnum):
    """Of a benchmark file."""

    WIDE = "wide"
    LONG = "long"


app = typer.Typer()


@app.command()
def sample(
    output: Annotated[Path, typer.Option(help="folder for the files; with --bench: the file")],
    people: Annotated[int | None, typer.Option(min=1, help="how many; default: the setting sample_people")] = None,
    years: Annotated[int, typer.Option(min=1, max=6, help="yearly exams from 2019 on")] = 6,
    seed: Annotated[
        int | None, typer.Option(help="the same seed gives the same bytes; default: the setting sample_seed")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="write what is true of the files here, as JSON; no personal data")
    ] = None,
    recordings: Annotated[Path | None, typer.Option(help="also write call recordings into this folder")] = None,
    bench: Annotated[
        int | None, typer.Option(min=1, help="instead: one clean file with this many observations")
    ] = None,
    layout: Annotated[Layout, typer.Option(help="of the benchmark file")] = Layout.WIDE,
) -> None:
    """Write the sample population: made-up people in the files that three sites would export."""
    from wellhouse.sample import bench as benchmark
    from wellhouse.sample import generate
    from wellhouse.sample import recordings as calls

    begun = time.perf_counter()
    number = settings().sample_seed if seed is None else seed
    if number < 0:
        raise WellhouseError("a seed is 0 or more")
    if bench is not None:
        rows, persons = benchmark.write(bench, layout.value, number, output)
        said = f"{bench} observations of {persons} people in {rows} rows: {output}"
    else:
        files, facts = generate.write(people or settings().sample_people, years, number, output, truth)
        totals = facts["totals"]
        said = f"{totals['rows']} rows in {totals['files']} files, {totals['observations']} observations: {output}"
        if recordings is not None:
            made = calls.write(files, recordings, generate.stream(number, "recordings"))
            said += f"; {made} recordings: {recordings}"
    typer.echo(f"{said} ({time.perf_counter() - begun:.1f} s)", err=True)
