"""``wellhouse record show|expire``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from wellhouse.commands.options import As, AsJson

app = typer.Typer(no_args_is_help=True, help="Originals: look at one, let old ones go.")


@app.command()
def show(
    load: Annotated[int, typer.Argument(help="the load's number")],
    row: Annotated[int, typer.Argument(help="1 for the file's first data record, 0 for what stood before it")],
    purpose: Annotated[str, typer.Option("--purpose", help="why you look; kept in the audit trail")],
    username: As = None,
) -> None:
    """One record as it came, byte for byte. It may name a person: it is audited."""
    from wellhouse.access import readers
    from wellhouse.ingest import record
    from wellhouse.settings import settings

    of = settings()
    if username is not None:
        readers.steward(of, username, load)
    sys.stdout.buffer.write(record.show(of, load, row, purpose, username=username))


@app.command()
def expire(as_json: AsJson = False) -> None:
    """Forget originals, refusals and recordings that are older than infra/retention.yaml keeps them."""
    from wellhouse.landing import retention
    from wellhouse.settings import settings

    done = asdict(retention.expire(settings()))
    print(json.dumps(done) if as_json else "\n".join(f"{name:<12} {count}" for name, count in done.items()))
