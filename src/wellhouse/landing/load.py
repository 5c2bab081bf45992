"""One file, one transaction: ledger row, landed rows, quarantine. Arrow goes in by binary COPY (ADBC)."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterable
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.landing import ledger
from wellhouse.landing.ledger import Counts, Entry
from wellhouse.landing.session import Session
from wellhouse.landing.tables import SCHEMAS, schema_of
from wellhouse.settings import Settings

_FLUSH_ROWS = 25_000
_FLUSH_BYTES = 8 << 20
_END = None


class Load:
    """A load in progress. ``begin``, ``put`` any number of times, ``finish``; leaving without it rolls back."""

    def __init__(self, settings: Settings) -> None:
        self._session = Session(db.url("wh_ingest", settings))
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
        self._queue: queue.Queue[dict[str, pa.Table] | None] = queue.Queue(maxsize=2)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.load_id = 0

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._failure = self._failure or InterruptedError()
            self._stop()
        self._session.close()

    def begin(self, entry: Entry) -> Entry | None:
        """Open the ledger row; the entry of the earlier load when this very file is landed already.

        A second loader of the same file waits here until the first commits or fails. A file that was quarantined as a
        whole may come again: it keeps its place in the ledger, and why it was refused stays written.
        """
        known = self._known(entry.sha256)
        if known and known.status == "loaded":
            self.execute("insert into ops.resend (load_id) values ($1)", self.load_id)
            self._session.commit()
            return _duplicate(entry, known)
        if known:
            self.execute("delete from landing.original where load_id = $1", self.load_id)
            self.execute(
                "update quarantine.record set released_at = now() where load_id = $1 and released_at is null",
                self.load_id,
            )
        else:
            self.load_id = int(self.execute(ledger.INSERT, json.dumps(entry.columns()))[0][0])
        return None

    def reopen(self, sha256: str) -> Entry:
        """Go on with a load that was committed: more of its records are to land.

        :raises WellhouseError: there is none
        """
        known = self._known(sha256)
        if known is None:
            raise WellhouseError("the load is not in the ledger any more")
        return known

    def _known(self, sha256: str) -> Entry | None:
        self.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", sha256)
        for load_id, columns in self.execute(ledger.SELECT, sha256):
            self.load_id = int(load_id)
            return Entry.of(json.loads(columns))
        return None

    def put(self, tables: dict[str, pa.Table]) -> None:
        """Hand over rows; the COPY runs in a thread of its own while the caller parses on."""
        if self._failure is not None:
            raise self._failure
        if self._thread is None:
            self._thread = threading.Thread(target=self._copy_all, daemon=True)
            self._thread.start()
        self._queue.put(tables)

    def drain(self) -> None:
        """Until all rows handed over are in the transaction.

        :raises Exception: what went wrong in the loading thread.
        """
        if self._thread is not None:
            self._stop()
        if self._failure is not None:
            raise self._failure
        for name in SCHEMAS:
            self._flush(name)

    def finish(self, entry: Entry) -> None:
        """Write the counts and commit."""
        self.drain()
        self.execute(ledger.UPDATE, json.dumps(entry.columns()))
        self._session.commit()

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """A statement in the load's transaction, with ``$1`` … parameters."""
        columns = self._session.execute(statement, *parameters).columns
        return list(zip(*(c.to_pylist() for c in columns), strict=True))

    def fetch(self, statement: str, *parameters: Any) -> list[npt.NDArray[Any]]:
        """The same, as one numpy array a column: for results of any size."""
        return [column.to_numpy() for column in self._session.execute(statement, *parameters).columns]

    def _stop(self) -> None:
        assert self._thread is not None
        self._queue.put(_END)
        self._thread.join()
        self._thread = None

    def _copy_all(self) -> None:
        while (tables := self._queue.get()) is not _END:
            if self._failure is not None:
                continue  # keep emptying the queue, or the parser would wait for ever
            try:
                for name, table in tables.items():
                    waiting = self._waiting[name]
                    waiting.append(table)
                    if _big(waiting):
                        self._flush(name)
            except BaseException as error:
                self._failure = error

    def _flush(self, name: str) -> None:
        waiting = [t for t in self._waiting[name] if t.num_rows]
        self._waiting[name] = []
        if waiting:
            self._session.copy(schema_of(name), name, pa.concat_tables(waiting))


def _big(tables: Iterable[pa.Table]) -> bool:
    tables = list(tables)
    return bool(sum(t.num_rows for t in tables) >= _FLUSH_ROWS or sum(t.nbytes for t in tables) >= _FLUSH_BYTES)


def _duplicate(entry: Entry, known: Entry) -> Entry:
    entry.source, entry.encoding, entry.format = known.source, known.encoding, known.format
    entry.status, entry.reason = "duplicate", "known_file"
    entry.rows = Counts(read=known.rows.read, duplicate=known.rows.read)
    entry.observations = Counts(read=known.observations.read, duplicate=known.observations.read)
    return entry
