"""``wellhouse access …``."""

from __future__ import annotations

import json

import typer

from wellhouse.commands.options import AsJson

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _access() -> None:
    """Review who may read what."""


@app.command()
def review(as_json: AsJson = False) -> None:
    """Every grant in force: who, in which role, which site, until when."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    active = [r for r in readers.everyone(settings()) if r.active]
    if as_json:
        print(json.dumps([r.as_json() for r in active], default=str))
        return
    for reader in active:
        for site, until in [(g.site, g.valid_until) for g in reader.sites] or [("-", None)]:
            ends = until or reader.valid_until
            print(f"{reader.username:<20} {reader.role:<15} {site:<12} {ends.isoformat() if ends else 'until revoked'}")
