"""The connection that writes events: one a process, kept open, because a thousand summaries are a thousand events."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from wellhouse import db
from wellhouse.settings import Settings

_lock = threading.Lock()
_open: dict[tuple[int, str], psycopg.Connection] = {}


@contextmanager
def writer(of: Settings) -> Iterator[psycopg.Connection]:
    """For one event; what is not committed at the end is rolled back."""
    with _lock:
        connection = _connection(of)
        try:
            yield connection
        finally:
            try:
                connection.rollback()
            except psycopg.Error:
                connection.close()


def _connection(of: Settings) -> psycopg.Connection:
    # a forked process must not speak on its parent's connection; tests have several installations
    here = (os.getpid(), f"{of.var}|{of.database_url}|{of.postgres_port}")
    if here in _open and _alive(_open[here]):
        return _open[here]
    _open[here] = db.connect("wh_audit", of, connect_timeout=10)
    return _open[here]


def _alive(connection: psycopg.Connection) -> bool:
    """The server may have been started again since."""
    try:
        connection.execute("select 1")
        connection.rollback()
        return True
    except psycopg.Error:
        connection.close()
        return False
