"""Counters of the rate limit in PostgreSQL: every worker of the web server counts in the same place.

Flask-Limiter takes any ``limits.storage.Storage`` by the scheme of its URI; this one needs neither Redis nor memcached.
"""

from __future__ import annotations

import hashlib
import time

import psycopg
from limits.storage import Storage
from psycopg_pool import PoolTimeout

from wellhouse.settings import settings
from wellhouse.signin import store

SCHEME = "wellhouse"
_COUNT = """
    insert into access.rate as r (key_hash, hits, ends_at)
    values (%(key)s, %(amount)s, clock_timestamp() + make_interval(secs => %(expiry)s))
    on conflict (key_hash) do update set
        hits = case when r.ends_at > clock_timestamp() then r.hits else 0 end + excluded.hits,
        ends_at = case when r.ends_at > clock_timestamp() then r.ends_at else excluded.ends_at end
    returning hits, hits = %(amount)s
"""


class PostgresStorage(Storage):
    """Fixed windows. A key, which holds an address, is kept as its hash."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - the base class declares a list

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return psycopg.Error, PoolTimeout

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with store.connection(settings()) as connection:
            connection.execute("set local synchronous_commit = off")
            row = connection.execute(_COUNT, {"key": _hash(key), "amount": amount, "expiry": float(expiry)}).fetchone()
            assert row is not None
            if row[1]:  # a window began: those that are over go
                connection.execute(
                    """delete from access.rate where key_hash in (
                           select key_hash from access.rate where ends_at < clock_timestamp() - interval '1 minute'
                           limit 100 for update skip locked)"""
                )
        return int(row[0])

    def get(self, key: str) -> int:
        row = self._row(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        row = self._row(key)
        return row[1] if row else time.time()

    def check(self) -> bool:
        try:
            self._row("")
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> int:
        with store.connection(settings()) as connection:
            return connection.execute("delete from access.rate").rowcount

    def clear(self, key: str) -> None:
        with store.connection(settings()) as connection:
            connection.execute("delete from access.rate where key_hash = %s", (_hash(key),))

    def _row(self, key: str) -> tuple[int, float] | None:
        with store.connection(settings()) as connection:
            return connection.execute(
                """select hits, extract(epoch from ends_at)::float8 from access.rate
                   where key_hash = %s and ends_at > clock_timestamp()""",
                (_hash(key),),
            ).fetchone()


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
