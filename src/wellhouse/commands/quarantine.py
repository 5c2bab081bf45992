"""``wellhouse quarantine list|show``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer(no_args_is_help=True, help="List and show refused records.")


@app.command("list")
def list_(
    load: Annotated[int | None, typer.Option("--load", help="every refused record of this load")] = None,
    as_json: AsJson = False,
) -> None:
    """What was refused, and why: by load, field and reason, or every record of one load."""
    from wellhouse.gate.quarantine import refusals
    from wellhouse.settings import settings

    found = refusals(settings(), load)
    if as_json:
        print(json.dumps({"rows": [r.document() for r in found]}))
        return
    for each in found:
        place = f"row {each.row}" if each.row is not None else f"{each.count} x"
        field = each.field or "record"
        print(f"{each.load_id:>6}  {each.file:<36} {place:>10}  {field:<24} {each.reason:<22} {each.expected}")


@app.command()
def show(
    load: Annotated[int, typer.Argument(help="the load's number")],
    row: Annotated[int, typer.Argument(help="1 for the file's first data record")],
    purpose: Annotated[str, typer.Option("--purpose", help="why you look; kept in the audit trail")],
) -> None:
    """One refused record as it came. It may name a person: it is audited."""
    from wellhouse.gate import quarantine
    from wellhouse.settings import settings

    sys.stdout.buffer.write(quarantine.show(settings(), load, row, purpose))
