"""Connections to the warehouse, one database role per kind of work (``ARCHITECTURE``: schemas and roles)."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import conninfo

from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings, settings

READER_PREFIX = "wh_u_"
IDENTIFIED = "health_manager"
"""The role of readers who may know who somebody is."""
BY_SITE = ("analyst", IDENTIFIED)
"""Roles that read persons' rows, and so need a site."""
_READER = re.compile(r"[a-z][a-z0-9_]{0,39}")


def reader_role(username: str) -> str:
    """The database role of a person who reads: ``wh_u_<username>``.

    :raises ValueError: the name is not ``[a-z][a-z0-9_]{0,39}``.
    """
    if not _READER.fullmatch(username):
        raise ValueError("a username is 1 to 40 characters of a-z, 0-9 and _, and begins with a letter")
    return READER_PREFIX + username


def password(role: str, of: Settings | None = None) -> str:
    """A role's password: a secret of its own for a service, derived from one key for a reader."""
    of = of or settings()
    if role.startswith(READER_PREFIX):
        key = of.secret("reader_key").encode()
        return hmac.new(key, role.encode(), hashlib.sha256).hexdigest()
    return of.secret(f"postgres_{role}")


def parameters(role: str, of: Settings | None = None, database: str | None = None) -> dict[str, Any]:
    """libpq parameters to connect as ``role``: TLS with host name verification, always."""
    of = of or settings()
    if of.database_url:
        external = conninfo.conninfo_to_dict(of.database_url)
        base = {k: external[k] for k in ("host", "port", "sslmode", "sslrootcert") if k in external}
        base.setdefault("sslmode", "verify-full")
        base.setdefault("sslrootcert", "system")
    else:
        base = {
            "host": of.postgres_host,
            "port": of.postgres_port,
            "sslmode": "verify-full",
            "sslrootcert": str(of.tls / "ca.crt"),
        }
    return base | {
        "dbname": database or of.database,
        "user": role,
        "password": password(role, of),
        "application_name": "wellhouse",
    }


def url(role: str, of: Settings | None = None, database: str | None = None, scheme: str = "postgresql") -> str:
    """The same as a URL, for SQLAlchemy. It holds the password: never log it, never put it in a command."""
    p = parameters(role, of, database)
    query = urlencode({str(k): str(p[k]) for k in ("sslmode", "sslrootcert", "application_name") if k in p})
    return f"{scheme}://{p['user']}:{quote(p['password'])}@{p['host']}:{p.get('port', 5432)}/{p['dbname']}?{query}"


def connect(role: str, of: Settings | None = None, **options: Any) -> psycopg.Connection:
    """A connection as ``role``; the caller commits."""
    return psycopg.connect(**parameters(role, of), **options)


def connect_reader(username: str, of: Settings | None = None, **options: Any) -> psycopg.Connection[Any]:
    """A connection as the reader of that name, who sees what PostgreSQL's policies show them.

    :raises WellhouseError: there is no such reader, or no longer
    :raises UnavailableError: PostgreSQL does not answer
    """
    try:
        return connect(reader_role(username), of, **options)
    except ValueError as error:
        raise WellhouseError(str(error)) from None
    except psycopg.OperationalError as error:
        if "authentication" in str(error) or "not permitted to log in" in str(error):
            raise WellhouseError(f"there is no reader {username}") from None
        raise UnavailableError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from None
