"""Databases, roles, schemas and policies of the warehouse: applied at every start, the same each time."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import conninfo, sql

from wellhouse import audit, db
from wellhouse.errors import WellhouseError
from wellhouse.ops import cluster
from wellhouse.ops.cluster import SUPERUSER
from wellhouse.settings import Settings

SCRIPTS = ("roles", "schemas", "risk", "access", "audit", "policies", "backups", "signin")
LOGINS = (
    "wh_ingest", "wh_identity", "wh_transform", "wh_model", "wh_ops", "wh_access", "wh_audit", "wh_backup",
    "wh_signin",
)  # fmt: skip
SERVICES = ("airflow", "superset")
"""Services with a database of their own for their metadata, owned by a role of the same name."""


def administrator(settings: Settings, database: str = "postgres") -> psycopg.Connection:
    """A superuser's connection: the private cluster's, or the one in ``WELLHOUSE_DATABASE_URL``."""
    if settings.database_url:
        parameters: dict[str, Any] = conninfo.conninfo_to_dict(settings.database_url) | {"dbname": database}
    else:
        parameters = db.parameters(SUPERUSER, settings, database)
    return psycopg.connect(**parameters | {"connect_timeout": 10}, autocommit=True)


def wait(settings: Settings, seconds: float = 60) -> None:
    """Until the server answers.

    :raises WellhouseError: it did not within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            administrator(settings).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise WellhouseError(f"PostgreSQL does not answer: {str(error).splitlines()[0]}") from None
            time.sleep(0.2)


def flush(settings: Settings) -> None:
    """Let the server's files hold what its memory holds; nothing to do when it does not run."""
    with suppress(psycopg.OperationalError), administrator(settings) as server:
        server.execute("checkpoint")


def ensure(settings: Settings) -> None:
    """Bring the server to what ``infra/postgres`` says; what is already so stays."""
    with administrator(settings) as server:
        for name in SERVICES:
            if not server.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone():
                server.execute(sql.SQL("create role {} login nosuperuser").format(sql.Identifier(name)))
        for name, owner in ((settings.database, None), *((s, s) for s in SERVICES)):
            if not server.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                server.execute(
                    sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name))
                )
            if owner:
                server.execute(
                    sql.SQL("alter database {} owner to {}").format(sql.Identifier(name), sql.Identifier(owner))
                )
                server.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    with administrator(settings, settings.database) as warehouse:
        warehouse.autocommit = False
        if warehouse.execute("show shared_preload_libraries").fetchone() == ("pgaudit",):
            warehouse.execute("create extension if not exists pgaudit")
        for script in SCRIPTS:
            warehouse.execute((settings.root / "infra" / "postgres" / f"{script}.sql").read_bytes())
        for role in (*LOGINS, *SERVICES):
            # libpq makes the SCRAM verifier: the password itself never reaches the server or its log
            verifier = warehouse.pgconn.encrypt_password(
                db.password(role, settings).encode(), role.encode(), b"scram-sha-256"
            )
            warehouse.execute(
                sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
            )
        if not settings.database_url:  # of another's server the memory is not ours to give
            warehouse.execute(
                sql.SQL("alter role wh_transform set work_mem = {}").format(
                    sql.Literal(f"{cluster.build_memory_mb()}MB")
                )
            )
        warehouse.commit()
        begun = warehouse.execute("select from audit.event where (action, path) = ('begin', 'sink')").fetchone()
    if begun is None:  # never a second time by itself: a sink that is gone has to be noticed
        audit.begin(settings, "installed")
