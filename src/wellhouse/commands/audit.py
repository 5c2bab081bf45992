"""``wellhouse audit …``."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Annotated

import typer

from wellhouse.commands.options import AsJson

if TYPE_CHECKING:
    from wellhouse.access.trail import Event

app = typer.Typer(no_args_is_help=True, help="Verify the audit trail, ask it who saw whom.")


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Is every event still the one that was written, and is none missing in between?"""
    from wellhouse.access import trail
    from wellhouse.settings import settings

    events = trail.verify(settings())
    print(json.dumps({"whole": True, "events": events}) if as_json else f"whole: {events} events")


@app.command()
def who_saw(
    person: Annotated[int, typer.Argument(help="person_key")],
    as_json: AsJson = False,
) -> None:
    """Who read this person's identified data, when, over which path and why."""
    from wellhouse.access import trail
    from wellhouse.settings import settings

    _print(trail.who_saw(settings(), person), as_json)


@app.command()
def by(
    user: Annotated[str, typer.Argument(help="a reader's or a service's name")],
    since: Annotated[dt.datetime, typer.Option("--since", help="in the installation's time zone")],
    as_json: AsJson = False,
) -> None:
    """What somebody did since a moment."""
    from zoneinfo import ZoneInfo

    from wellhouse.access import trail
    from wellhouse.settings import settings

    of = settings()
    _print(trail.by(of, user, since.replace(tzinfo=ZoneInfo(of.timezone))), as_json)


def _print(events: list[Event], as_json: bool) -> None:
    if as_json:
        print(json.dumps([e.as_json() for e in events], default=str))
        return
    for e in events:
        print(
            f"{e.at.isoformat(timespec='seconds')} {e.reader:<24} {e.action:<10} {e.path:<10} "
            f"{e.persons} persons  {e.purpose}"
        )
