"""``wellhouse backup run|list|verify``."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from wellhouse.commands.options import AsJson
from wellhouse.settings import settings

if TYPE_CHECKING:
    from wellhouse.ops.backup import Row

app = typer.Typer(no_args_is_help=True, help="Backups of database, keystore and files in two repositories.")


@app.command()
def run(
    kind: Annotated[str, typer.Option("--type", help="auto, full, diff or incr.")] = "auto", as_json: AsJson = False
) -> None:
    """Back up into both repositories; exit code 1 if anything did not get into one of them."""
    from wellhouse.ops import backup

    _show(backup.run(settings(), kind), as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """What could be restored, from which repository."""
    from wellhouse.ops import backup

    _show(backup.listed(settings()), as_json)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Read every byte of both repositories again; exit code 1 if anything is damaged or missing."""
    from wellhouse.ops import backup

    _show(backup.verify(settings()), as_json)


def _show(rows: list[Row], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"backups": [asdict(row) for row in rows]}))
    else:
        for row in rows:
            at = dt.datetime.fromtimestamp(row.at, ZoneInfo(settings().timezone)).isoformat(timespec="seconds")
            state = row.reason or {None: "", True: "verified", False: "DAMAGED"}[row.verified]
            size = f"{row.bytes:>12,} B {row.seconds:>7} s"
            print(f"{at}  {row.kind:<9} repo{row.repo} {row.type:<6} {size}  {row.label}  {state}")
        if settings().database_url:
            print("PostgreSQL is external (WELLHOUSE_DATABASE_URL): its backups are its owner's")
    if any(row.reason for row in rows):
        raise typer.Exit(1)
