"""The audit trail: append-only, hash-chained in the database (``infra/postgres/audit.sql``).

No audit, no read: callers record first, in the transaction that reads, and let a failure propagate.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg


def record(
    connection: psycopg.Connection,
    *,
    action: str,
    path: str,
    purpose: str,
    persons: Iterable[int] = (),
    rows: int | None = None,
) -> int:
    """Append one event and return its number.

    :param action: what was done, ``read``, ``export``, ``grant`` …
    :param path: over which path, ``summary``, ``cli``, ``superset`` …
    :param purpose: why, in the reader's words or the command's name; never a personal value
    :param persons: ``person_key`` of those whose identified data was read
    :param rows: how many rows were read
    """
    row = connection.execute(
        "select audit.record(%s, %s, %s, %s::bigint[], %s)", (action, path, purpose, list(persons), rows)
    ).fetchone()
    assert row is not None
    return int(row[0])
