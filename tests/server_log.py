"""What PostgreSQL logs, read when all of it is there: the supervisor writes it a moment after it was said."""

from __future__ import annotations

import time
from collections.abc import Callable

from wellhouse.ops import supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings


def from_now_on(of: Settings) -> Callable[[], str]:
    """Called, it waits for everything that was logged by then since this moment."""
    log = of.logs / "postgres.log"
    start = log.stat().st_size

    def said() -> str:
        mark = f"read until {time.monotonic_ns()}"
        with administrator(of, of.database) as server:
            server.execute(f"do $$ begin raise log '{mark}'; end $$")  # type: ignore[call-overload]
        supervisor.wait_until(lambda: mark in log.read_text(), 30, "the server's log does not go on")
        return log.read_bytes()[start:].decode()

    return said
