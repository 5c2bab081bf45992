"""``wellhouse certificates status|renew``."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.settings import settings

app = typer.Typer(no_args_is_help=True, help="The certificates of this installation's services.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Until when each certificate is good."""
    from wellhouse.ops import certificates

    found = certificates.expiry(settings().tls)
    now = dt.datetime.now(dt.UTC)
    if as_json:
        print(json.dumps({"certificates": [{"name": n, "until": u.isoformat()} for n, u in found.items()]}))
    else:
        for name, until in found.items():
            print(f"{name:<10} {until.date()}  {(until - now).days} days")


@app.command()
def renew(
    days: Annotated[int, typer.Option(help="those that have fewer days left; all of them: 400")] = 30,
) -> None:
    """Renew what expires soon and let the services use it: PostgreSQL reads it anew, the others start again."""
    from wellhouse.ops import renewal

    done = renewal.renew(settings(), days)
    print(f"renewed: {', '.join(done)}" if done else f"nothing expires within {days} days")
