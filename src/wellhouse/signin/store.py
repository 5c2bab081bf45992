"""Connections of the role that keeps factors and sessions; a few stay open, for every request needs one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import psycopg
from psycopg_pool import ConnectionPool

from wellhouse import db
from wellhouse.settings import Settings

ROLE = "wh_signin"
CONNECTIONS = 4
"""At most, a process."""
WAIT_S = 5.0

_lock = Lock()
_pools: dict[str, ConnectionPool] = {}


@contextmanager
def connection(of: Settings) -> Iterator[psycopg.Connection]:
    """A transaction; it commits when nothing went wrong."""
    with _pool(of).connection() as one:
        yield one


def _pool(of: Settings) -> ConnectionPool:
    with _lock:
        if str(of.var) not in _pools:
            _pools[str(of.var)] = ConnectionPool(
                kwargs=db.parameters(ROLE, of), min_size=0, max_size=CONNECTIONS, timeout=WAIT_S, max_idle=60,
                check=ConnectionPool.check_connection, open=True,
            )  # fmt: skip
        return _pools[str(of.var)]
