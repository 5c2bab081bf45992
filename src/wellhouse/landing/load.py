"""One file, one transaction: ledger row, landed rows, quarantine. Arrow goes in by binary COPY."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.landing import ledger
from wellhouse.landing.ledger import Counts, Entry
from wellhouse.landing.tables import SCHEMAS, schema_of
from wellhouse.settings import Settings

_MANY_ROWS = 25_000
_MANY_BYTES = 8 << 20
_CHUNK_ROWS = 16_384
_END = None
Rows: TypeAlias = npt.NDArray[np.int64]
Coming: TypeAlias = pa.Table | Callable[[], pa.Table]


class Load:
    """A load in progress. ``begin``, ``put`` any number of times, ``finish``; leaving without it rolls back."""

    def __init__(self, settings: Settings) -> None:
        self._connection = db.connect("wh_ingest", settings, cursor_factory=psycopg.RawCursor)
        self._waiting: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
        self._bytes = dict.fromkeys(SCHEMAS, 0)
        self._queue: queue.Queue[dict[str, Coming] | None] = queue.Queue(maxsize=2)
        self._handed: Iterator[dict[str, Coming] | None] = iter(())
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.load_id = 0
        self.rows = 0
        """Rows written so far, of all tables; all of them after ``drain``."""

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._failure = self._failure or InterruptedError()
            self._stop()
        self._connection.close()

    def begin(self, entry: Entry) -> Entry | None:
        """Open the ledger row; the entry of the earlier load when this very file is landed already.

        A second loader of the same file waits here until the first commits or fails. A file that was quarantined as a
        whole may come again: it keeps its place in the ledger, and why it was refused stays written.
        """
        known = self._known(entry.sha256)
        if known and known.status == "loaded":
            self.execute("insert into ops.resend (load_id) values ($1)", self.load_id)
            self._connection.commit()
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

    def put(self, tables: dict[str, Coming]) -> None:
        """Hand over rows; the COPY runs in a thread of its own while the caller parses on.

        :param tables: rows, or what makes them: it is called in that thread
        """
        if self._failure is not None:
            raise self._failure
        if self._thread is None:
            self._handed = iter(self._queue.get, _END)
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
        for name in filter(self._rows, SCHEMAS):
            self._copy(name, self._here)

    def finish(self, entry: Entry) -> None:
        """Write the counts and commit."""
        self.drain()
        self.execute(ledger.UPDATE, json.dumps(entry.columns()))
        self._connection.commit()

    def execute(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """A statement in the load's transaction, with ``$1`` … parameters."""
        cursor = self._connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []

    def fetch(self, statement: str, *parameters: Any) -> list[Rows]:
        """The same, as one array a column: whole numbers, any number of them."""
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(statement, parameters or None)
            table = np.array(cursor.fetchall(), np.int64).reshape(-1, len(cursor.description or ()))
        return list(table.T)

    def _stop(self) -> None:
        assert self._thread is not None
        self._queue.put(_END)
        self._thread.join()
        self._thread = None

    def _copy_all(self) -> None:
        try:
            while self._take():
                self._copy(max(SCHEMAS, key=self._rows), self._coming)
                for name in filter(self._much, SCHEMAS):
                    self._copy(name, self._here)
        except BaseException as error:
            self._failure = error
            for _ in self._handed:
                pass  # or the parser would wait for ever

    def _take(self) -> bool:
        """The next rows handed over wait to be copied; False: there are no more."""
        if (tables := next(self._handed, _END)) is _END:
            return False
        for name, coming in tables.items():
            table = coming() if callable(coming) else coming
            self._waiting[name].append(table)
            self.rows += table.num_rows
            self._bytes[name] += table.nbytes
        return True

    def _copy(self, name: str, rows: Callable[[str], Iterator[pa.RecordBatch]]) -> None:
        encoder = ArrowToPostgresBinaryEncoder(SCHEMAS[name])
        into = sql.SQL("copy {} ({}) from stdin (format binary)").format(
            sql.Identifier(schema_of(name), name), sql.SQL(", ").join(map(sql.Identifier, SCHEMAS[name].names))
        )
        with self._connection.cursor().copy(into) as copy:
            copy.write(encoder.write_header())
            for batch in rows(name):
                copy.write(encoder.write_batch(batch))
            copy.write(encoder.finish())

    def _here(self, name: str) -> Iterator[pa.RecordBatch]:
        """What waits of one table."""
        waiting, self._waiting[name], self._bytes[name] = self._waiting[name], [], 0
        for table in waiting:
            yield from table.to_batches(max_chunksize=_CHUNK_ROWS)

    def _coming(self, name: str) -> Iterator[pa.RecordBatch]:
        """What waits of one table and what comes of it, until much of another waits.

        One COPY goes on for long: the server works on these rows while the next are made ready.
        """
        yield from self._here(name)
        while not any(map(self._much, SCHEMAS)) and self._take():
            yield from self._here(name)

    def _rows(self, name: str) -> int:
        return sum(table.num_rows for table in self._waiting[name])

    def _much(self, name: str) -> bool:
        return self._rows(name) >= _MANY_ROWS or self._bytes[name] >= _MANY_BYTES


def _duplicate(entry: Entry, known: Entry) -> Entry:
    entry.source, entry.encoding, entry.format = known.source, known.encoding, known.format
    entry.status, entry.reason = "duplicate", "known_file"
    entry.rows = Counts(read=known.rows.read, duplicate=known.rows.read)
    entry.observations = Counts(read=known.observations.read, duplicate=known.observations.read)
    return entry
