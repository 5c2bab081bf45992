"""``wellhouse report send``: charts by e-mail, with each recipient's own rights."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError

app = typer.Typer(no_args_is_help=True, help="Scheduled reports by e-mail.")


@app.callback()
def _group() -> None:
    """Scheduled reports by e-mail."""


@app.command()
def send(
    on: Annotated[
        dt.datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="as if this were the day; default: today")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send what is due and was not sent yet; who is revoked, expired or unreviewed gets nothing."""
    from zoneinfo import ZoneInfo

    from wellhouse.reports import deliver
    from wellhouse.settings import settings

    of = settings()
    if not of.alert_smtp_host and on is None and not as_json:
        print("no mail server is set (WELLHOUSE_ALERT_SMTP_HOST): no report is sent")
        return
    outcomes = deliver.send_due(of, on.date() if on else dt.datetime.now(ZoneInfo(of.timezone)).date())
    if as_json:
        print(json.dumps([asdict(o) for o in outcomes]))
    else:
        for each in outcomes:
            print(f"{each.report:<16} {each.recipient:<20} {each.status}{': ' if each.reason else ''}{each.reason}")
    failed = [o for o in outcomes if o.status == deliver.FAILED]
    if failed:
        raise WellhouseError(f"{len(failed)} of {len(outcomes)} reports could not be sent: {failed[0].reason}")
