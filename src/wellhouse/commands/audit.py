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
    """Is every event still the one that was written, is none missing, and do both sinks tell the same?"""
    from wellhouse.access import trail
    from wellhouse.settings import settings

    found = trail.verify(settings())
    print(json.dumps(found.as_json()) if as_json else f"whole: {found.events} events, {found.compared} in both sinks")


@app.command()
def begin(
    purpose: Annotated[str, typer.Option("--purpose", help="why a new second sink is needed; kept in the trail")],
) -> None:
    """Start a new second sink after the old one was lost, damaged, or the database was restored to an earlier time."""
    from wellhouse import audit
    from wellhouse.settings import settings

    print(f"the second sink begins with event {audit.begin(settings(), purpose)}")


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


@app.command()
def watch(
    hours: Annotated[float, typer.Option("--hours", help="how far back to look; what was told stays told once")] = 2,
    as_json: AsJson = False,
) -> None:
    """Volume, odd hours, foreign sites, mass export: what is unusual by the rules becomes an alert."""
    from wellhouse.access import unusual
    from wellhouse.settings import settings

    found = unusual.watch(settings(), dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours))
    if as_json:
        print(json.dumps([a.as_json() for a in found]))
        return
    for alert in found:
        print(f"{alert.severity:<8} {alert.rule:<16} {alert.subject:<24} {alert.detail['text_en']}")
    print(f"{len(found)} new alerts")


def _print(events: list[Event], as_json: bool) -> None:
    if as_json:
        print(json.dumps([e.as_json() for e in events], default=str))
        return
    for e in events:
        print(
            f"{e.at.isoformat(timespec='seconds')} {e.reader:<24} {e.action:<10} {e.path:<10} "
            f"{e.persons} persons  {e.purpose}"
        )
