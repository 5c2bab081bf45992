"""``wellhouse quarantine list|show|release``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from wellhouse.commands.options import As, AsJson

app = typer.Typer(no_args_is_help=True, help="List, show and release refused records.")


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
    username: As = None,
) -> None:
    """One refused record as it came. It may name a person: it is audited."""
    from wellhouse.access import readers
    from wellhouse.ingest import record
    from wellhouse.settings import settings

    of = settings()
    if username is not None:
        readers.steward(of, username, load)
    sys.stdout.buffer.write(record.show(of, load, row, purpose, refused=True, username=username))


@app.command()
def release(
    loads: Annotated[list[int], typer.Argument(help="the loads' numbers")],
    mapping: Annotated[
        Path | None, typer.Option(help="a mapping file; default: the one that reads such files now")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read loads with refused records again, after their mapping was put right. What is good lands, the rest stays."""
    from wellhouse.gate.quarantine import refusals
    from wellhouse.ingest import mapping as mappings
    from wellhouse.ingest.file import Ingest
    from wellhouse.ingest.release import release
    from wellhouse.settings import settings

    of, told = settings(), []
    with Ingest(of) as ingest:
        for load in loads:
            done = release(ingest, load, mappings.read(mapping) if mapping else None)
            told.append(done)
            for line in done.lines:
                print(line, file=sys.stderr)
    if as_json:
        rows = [refusal.document() for load in loads for refusal in refusals(of, load)]
        print(json.dumps({"loads": [done.document() for done in told], "rows": rows}))
        return
    for done in told:
        rows_, results = done.entry.rows, done.entry.observations
        print(
            f"load {done.load_id}: {done.released} refusals lifted; records {rows_.loaded} loaded, "
            f"{rows_.quarantined} quarantined, {rows_.duplicate} duplicate; results {results.loaded} loaded, "
            f"{results.quarantined} quarantined, {results.duplicate} duplicate"
        )
