"""``wellhouse ops``: what ``make up``, ``down``, ``status``, ``logs`` and ``clean`` do once Python is there."""

from __future__ import annotations

import json
import os
import sys
import time

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _ops() -> None:
    """Start, stop and look after the services of this installation."""


@app.command()
def up() -> None:
    """Start everything, load the sample once, say where to log in."""
    from wellhouse.ops import installation

    began = time.monotonic()
    installation.up(settings(), lambda line: print(f"[{time.monotonic() - began:4.0f} s] {line}", flush=True))


@app.command()
def down() -> None:
    """Stop everything and wait until it has stopped."""
    from wellhouse.ops import installation

    installation.down(settings(), print)


@app.command()
def clean() -> None:
    """Stop everything and remove the folder of this installation: data, keys and logs."""
    from wellhouse.ops import installation

    installation.clean(settings(), print)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Health of every service and freshness of every mart; exit code 1 if any is unhealthy."""
    from wellhouse.ops import health

    report = health.report(settings())
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        for service in report.services:
            print(f"{'ok' if service.healthy else 'BAD':<4} {service.name:<22} {service.state:<9} {service.detail}")
        for mart in report.marts:
            print(f"{'ok' if mart.healthy else 'BAD':<4} {mart.name:<28} {mart.status}, {mart.age_hours} h ago")
        if not report.marts:
            print("no mart has been built yet")
        print(f"the volume of {settings().var}: {report.volume or 'not encrypted, as far as can be seen from here'}")
        kept = report.repositories_elsewhere
        print(f"backups on another disk: repositor{'ies' if len(kept) > 1 else 'y'} {', '.join(map(str, kept))}" if kept
              else "WARNING: both repositories of backups are on the data's own disk and would be lost with it: set "
                   "WELLHOUSE_BACKUP_REPO1 and WELLHOUSE_BACKUP_REPO2 (docs/runbooks/backup_restore.md)")  # fmt: skip
    if not report.healthy:
        raise typer.Exit(1)


@app.command()
def logs() -> None:
    """Follow the log of every service."""
    files = sorted(str(file) for file in settings().logs.glob("*.log"))
    if not files:
        raise WellhouseError("there are no logs yet: `make up` first")
    sys.stdout.flush()
    os.execvp("tail", ["tail", "-n", "20", "-F", *files])  # noqa: S606
