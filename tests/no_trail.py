"""One of the two sinks of the audit trail is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings


@contextmanager
def no_file(of: Settings) -> Iterator[None]:
    trail = of.var / "audit" / "trail.jsonl"
    trail.rename(trail.with_suffix(".away"))
    try:
        yield
    finally:
        trail.with_suffix(".away").rename(trail)


@contextmanager
def no_database(of: Settings) -> Iterator[None]:
    with administrator(of, of.database) as server:
        server.execute("alter role wh_audit nologin")
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'wh_audit'")
        try:
            yield
        finally:
            server.execute("alter role wh_audit login")
