"""``wellhouse user …``: readers, in PostgreSQL first (that is where rows are kept back) and then in Superset."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import typer

from wellhouse.commands.options import AsJson
from wellhouse.errors import WellhouseError

app = typer.Typer(no_args_is_help=True, help="Add, grant, revoke and list readers.")

Name = Annotated[str, typer.Argument(help="1 to 40 of a-z, 0-9 and _, beginning with a letter")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="a site the reader is cleared for; repeatable")]
Until = Annotated[dt.datetime | None, typer.Option("--until", help="the last moment, in the installation's time zone")]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="analyst, health_manager, management, administrator, auditor")],
    site: Sites = None,
    until: Until = None,
) -> None:
    """Create a reader, or bring one to exactly this role, these sites and this date."""
    from wellhouse.access import readers
    from wellhouse.settings import settings
    from wellhouse.superset import users
    from wellhouse.superset.client import Superset

    of = settings()
    readers.provision(of, name, role, site or (), _moment(until))
    with Superset(of) as superset:
        users.ensure(superset, name, role, of.secret(f"password_{name}"))
    print(f"{name}: first password in {of.secret_file(f'password_{name}')}")


@app.command()
def grant(name: Name, site: Annotated[list[str], typer.Option("--site")], until: Until = None) -> None:
    """Clear a reader for more sites."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    readers.grant(settings(), name, site, _moment(until))


@app.command()
def revoke(name: Name, site: Sites = None) -> None:
    """End a reader's access now, or take single sites away; open sessions end too."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    of = settings()
    if site:
        readers.revoke_sites(of, name, site)
        return
    readers.revoke(of, name)  # no row from now on, whatever happens to Superset

    # imported only now: it takes longer than the revocation
    from wellhouse.superset import users
    from wellhouse.superset.client import Superset

    with Superset(of) as superset:
        users.deactivate(superset, name)


@app.command()
def reset_factor(name: Name) -> None:
    """Forget a reader's second factor, end their sessions, and let them make a new one within two weeks."""
    from wellhouse.settings import settings
    from wellhouse.signin import factor

    factor.reset(settings(), name)


@app.command()
def reset_password(name: Name) -> None:
    """Give a reader another password, in the file of the first one, and end their sessions: in Superset, and in
    Airflow where they have an account there."""
    import secrets

    from wellhouse import audit, files
    from wellhouse.ops import migrations
    from wellhouse.settings import settings
    from wellhouse.signin import sessions
    from wellhouse.superset import users
    from wellhouse.superset.client import Superset

    of, password = settings(), secrets.token_urlsafe(32)
    kept = of.secret_file(f"password_{name}")
    with Superset(of) as superset:
        users.set_password(superset, name, password)
    files.replace(kept, password.encode())
    migrations.renew_password(of, name)
    ended = sessions.end_all(of, name)
    audit.record(of, audit.operator(), action="reset_password", path="cli", purpose=name)
    print(f"{name}: {ended} sessions ended; the new password is in {kept}")


@app.command()
def email(
    name: Name,
    address: Annotated[str | None, typer.Argument(help="where reports go; leave it out to send none any more")] = None,
) -> None:
    """Set or remove the address that a reader's reports go to; say where the password of sealed ones is."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    of = settings()
    readers.set_email(of, name, address)
    if address:
        of.secret(f"report_password_{name}")
        print(f"{name}: password of sealed reports in {of.secret_file(f'report_password_{name}')}")


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """Readers, their roles and sites."""
    from wellhouse.access import readers
    from wellhouse.settings import settings

    found = readers.everyone(settings())
    if as_json:
        print(json.dumps([r.as_json() for r in found], default=str))
        return
    for reader in found:
        sites = ",".join(g.site for g in reader.sites)
        due = f"review due {reader.review_due:%Y-%m-%d}"
        print(f"{reader.username:<20} {reader.role:<15} {sites:<20} {reader.state:<10} {due}")


@app.command()
def ensure_defaults() -> None:
    """The six readers of a new installation; those that exist stay as they are.

    In PostgreSQL at once; in Superset when it is up and deployed, otherwise `wellhouse superset deploy` does it.
    """
    from wellhouse.access import readers
    from wellhouse.settings import settings
    from wellhouse.superset import users
    from wellhouse.superset.client import Superset

    of = settings()
    made = readers.ensure_defaults(of)
    print(f"{len(made)} readers made" + (f": {', '.join(made)}" if made else ""))
    active = {r.username: r.role for r in readers.everyone(of) if r.active}
    try:
        with Superset(of) as superset:
            for default in readers.DEFAULTS:
                if default.username in active:
                    users.ensure(
                        superset, default.username, active[default.username], of.secret(f"password_{default.username}")
                    )
    except WellhouseError as error:
        print(f"accounts in Superset come with `wellhouse superset deploy` ({error})")


def _moment(until: dt.datetime | None) -> dt.datetime | None:
    from zoneinfo import ZoneInfo

    from wellhouse.settings import settings

    return until and until.replace(tzinfo=ZoneInfo(settings().timezone))
