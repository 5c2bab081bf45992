"""Readers in PostgreSQL: one login role a person, sites and dates in ``access``; every change is audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import errors

from wellhouse import audit, db
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

ROLES = (*db.BY_SITE, "management", "administrator", "auditor")


@dataclass(frozen=True)
class SiteGrant:
    site: str
    valid_until: dt.datetime | None


@dataclass(frozen=True)
class Reader:
    """One person and everything they are cleared for."""

    username: str
    role: str
    valid_until: dt.datetime | None
    revoked_at: dt.datetime | None
    review_due: dt.datetime
    sites: tuple[SiteGrant, ...]
    email: str | None = None

    @property
    def state(self) -> str:
        """active, revoked, expired, or unreviewed: nobody confirmed them in time."""
        now = dt.datetime.now(dt.UTC)
        if self.revoked_at is not None:
            return "revoked"
        if self.valid_until is not None and self.valid_until <= now:
            return "expired"
        return "active" if self.review_due > now else "unreviewed"

    @property
    def active(self) -> bool:
        return self.state == "active"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"active": self.active, "state": self.state}


@dataclass(frozen=True)
class Default:
    username: str
    role: str
    sites: tuple[str, ...] = ()


DEFAULTS = (
    Default("analyst_hz", "analyst", ("hz",)),
    Default("analyst_sh", "analyst", ("sh",)),
    Default("manager_hz", db.IDENTIFIED, ("hz",)),
    Default("management", "management"),
    Default("administrator", "administrator"),
    Default("auditor", "auditor"),
)
"""Whom a new installation has."""


def provision(
    of: Settings, username: str, role: str, sites: Iterable[str] = (), until: dt.datetime | None = None
) -> None:
    """Create a reader or bring one to exactly this role, these sites and this date.

    :raises WellhouseError: a bad name or role, or a role that reads persons' rows without a site
    """
    sites = sorted(set(sites))
    if role not in ROLES:
        raise WellhouseError(f"no such role: {role}; there are {', '.join(ROLES)}")
    if role in db.BY_SITE and not sites:
        raise WellhouseError(f"the role {role} reads one site's rows: give --site")
    if role not in db.BY_SITE and sites:
        raise WellhouseError(f"the role {role} reads no site's rows: leave out --site")
    login = _login(username)
    with db.connect("wh_access", of) as connection:
        # libpq makes the SCRAM verifier: the password itself never reaches the server
        verifier = connection.pgconn.encrypt_password(db.password(login, of).encode(), login.encode(), b"scram-sha-256")
        connection.execute(
            "select access.provision(%s, %s, %s, %s::text[], %s)", (username, role, verifier.decode(), sites, until)
        )
        _audited(of, "provision", f"{username} {role} {','.join(sites)} until {until or 'revoked'}")


def grant(of: Settings, username: str, sites: Iterable[str], until: dt.datetime | None = None) -> None:
    """Clear a reader for more sites, or for the same ones until another day."""
    _known(of, username, db.BY_SITE)
    with db.connect("wh_access", of) as connection:
        for site in sorted(set(sites)):
            connection.execute("select access.grant_site(%s, %s, %s)", (username, site, until))
            _audited(of, "grant", f"{username} {site} until {until or 'revoked'}")


def revoke(of: Settings, username: str) -> None:
    """End a reader's access now: the open database sessions end too."""
    _known(of, username, ROLES)
    with db.connect("wh_access", of) as connection:
        connection.execute("select access.revoke(%s)", (username,))
        _audited(of, "revoke", username)


def revoke_sites(of: Settings, username: str, sites: Iterable[str]) -> None:
    """Take single sites away; the next query no longer sees them."""
    _known(of, username, ROLES)
    with db.connect("wh_access", of) as connection:
        for site in sorted(set(sites)):
            connection.execute("select access.revoke_site(%s, %s)", (username, site))
            _audited(of, "revoke", f"{username} {site}")


def ensure_defaults(of: Settings) -> list[str]:
    """The readers of a new installation; those that exist stay as they are. Names of those made."""
    known = {r.username for r in everyone(of)}
    made = [d for d in DEFAULTS if d.username not in known]
    for each in made:
        provision(of, each.username, each.role, each.sites)
    return [d.username for d in made]


def everyone(of: Settings) -> list[Reader]:
    """All readers there ever were, by name."""
    with db.connect("wh_access", of) as connection:
        people = connection.execute(
            "select username, role, valid_until, revoked_at, review_due, email from access.reader order by username"
        ).fetchall()
        grants = connection.execute(
            "select username, site, valid_until from access.site_grant order by 1, 2"
        ).fetchall()
    return [
        Reader(name, role, until, revoked, due, tuple(SiteGrant(s, u) for who, s, u in grants if who == name), email)
        for name, role, until, revoked, due, email in people
    ]


def set_email(of: Settings, username: str, email: str | None) -> None:
    """Where a reader's reports go; None: nowhere.

    :raises WellhouseError: no such reader, or no address
    """
    _known(of, username, ROLES)
    with db.connect("wh_access", of) as connection:
        try:
            connection.execute("select access.set_email(%s, %s)", (username, email))
        except errors.CheckViolation:
            raise WellhouseError("that is no e-mail address: expected name@domain") from None
        _audited(of, "set_email", f"{username} {'set' if email else 'removed'}")


def steward(of: Settings, username: str, load_id: int) -> None:
    """Whether a reader may look at the originals of a load: an administrator, or a health manager of its site.

    :raises WellhouseError: they may not; the same line for a load that is not there
    """
    with db.connect("wh_ops", of) as connection:
        load = connection.execute("select site from ops.load where load_id = %s", (load_id,)).fetchone()
    now = dt.datetime.now(dt.UTC)
    for reader in everyone(of):
        if reader.username == username and reader.active and load is not None:
            sites = [g.site for g in reader.sites if g.valid_until is None or g.valid_until > now]
            if reader.role == "administrator" or (reader.role == db.IDENTIFIED and load[0] in sites):
                return
    raise WellhouseError(f"{username} may look at no record of load {load_id}")


def acting(of: Settings, username: str | None, *roles: str) -> str:
    """Who acts, as the audit names them: a reader in one of these roles, or without a name whoever runs the command.

    :raises WellhouseError: no active reader of that name in such a role
    """
    if username is not None and not any(r.username == username and r.active and r.role in roles for r in everyone(of)):
        raise WellhouseError(f"{username} may not do this: that takes an active {' or '.join(roles)}")
    return audit.reader(username)


def _known(of: Settings, username: str, roles: tuple[str, ...]) -> None:
    for reader in everyone(of):
        if reader.username == username:
            if reader.role not in roles:
                raise WellhouseError(f"{username} is {reader.role}, a role that reads no site's rows")
            return
    raise WellhouseError(f"there is no reader {username}")


def _login(username: str) -> str:
    try:
        return db.reader_role(username)
    except ValueError as error:
        raise WellhouseError(str(error)) from None


def _audited(of: Settings, action: str, purpose: str) -> None:
    audit.record(of, audit.operator(), action=action, path="cli", purpose=purpose)
