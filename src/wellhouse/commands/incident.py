"""``wellhouse incident open|lock-down|lift``."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer

from wellhouse.commands.options import As, AsJson

app = typer.Typer(no_args_is_help=True, help="An account leaked: whom did it see; and stop everybody at once.")
OFFICERS = ("administrator", "auditor")
Purpose = Annotated[str, typer.Option("--purpose", help="what is known; kept in the audit trail, so no name or number")]


@app.command(name="open")
def open_(
    account: Annotated[str, typer.Option("--account", help="a reader's username, or os:<login>")],
    since: Annotated[dt.datetime, typer.Option("--since", help="in the installation's time zone")],
    purpose: Purpose,
    username: As = None,
    as_json: AsJson = False,
) -> None:
    """Who saw what since then: events, persons seen and reachable, changes of rights, into var/incidents/."""
    from zoneinfo import ZoneInfo

    from wellhouse.access import incidents, readers
    from wellhouse.settings import settings

    of = settings()
    moment = since.replace(tzinfo=ZoneInfo(of.timezone))
    done = incidents.gather(of, account, moment, readers.acting(of, username, *OFFICERS), purpose)
    if as_json:
        print(json.dumps(done.as_json()))
        return
    print(f"{done.incident}: {done.events} events, {done.seen} persons seen, {done.reachable} persons in reach at "
          f"{', '.join(done.sites) or 'no site'}; {done.seconds} s")  # fmt: skip
    print(done.folder)


@app.command()
def lock_down(purpose: Purpose, username: As = None) -> None:
    """No reader can log in any more and every open session ends, in one go. The pipeline goes on."""
    from wellhouse.access import incidents, readers
    from wellhouse.settings import settings

    of = settings()
    who = readers.acting(of, username, *OFFICERS)
    print(f"locked down: {incidents.lock_down(of, who, purpose)} readers")


@app.command()
def lift(purpose: Purpose, username: As = None) -> None:
    """Readers who may log in can log in again; who was revoked meanwhile cannot."""
    from wellhouse.access import incidents, readers
    from wellhouse.settings import settings

    of = settings()
    who = readers.acting(of, username, *OFFICERS)
    print(f"lifted: {incidents.lift(of, who, purpose)} readers")
