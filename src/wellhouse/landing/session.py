"""One transaction over ADBC: Arrow tables in by binary COPY, statements with parameters, results as Arrow.

The driver's low-level interface, because its DB-API module imports pandas and polars on every start.
"""

from __future__ import annotations

from typing import Any

import adbc_driver_manager as manager
import adbc_driver_postgresql as driver
import pyarrow as pa

_CHUNK_ROWS = 16_384
"""Rows sent at a time: the driver keeps them encoded in memory twice."""


class Session:
    """An open transaction; :meth:`close` rolls back what :meth:`commit` did not keep. One thread at a time."""

    def __init__(self, url: str) -> None:
        self._database = driver.connect(url)
        self._connection = manager.AdbcConnection(self._database)
        self._connection.set_autocommit(False)

    def execute(self, statement: str, *parameters: Any) -> pa.Table:
        """A statement with ``$1`` … parameters, and what it returns."""
        with manager.AdbcStatement(self._connection) as prepared:
            prepared.set_sql_query(statement)
            if parameters:
                prepared.prepare()
                names = [str(i) for i in range(len(parameters))]
                prepared.bind(pa.record_batch([[p] for p in parameters], names=names))
            stream, _ = prepared.execute_query()
            return pa.RecordBatchReader.from_stream(stream).read_all()

    def copy(self, schema: str, table: str, rows: pa.Table) -> None:
        """Append rows by binary COPY."""
        with manager.AdbcStatement(self._connection) as statement:
            statement.set_options(
                **{
                    manager.StatementOptions.INGEST_MODE.value: "adbc.ingest.mode.append",
                    manager.StatementOptions.INGEST_TARGET_TABLE.value: table,
                    manager.StatementOptions.INGEST_TARGET_DB_SCHEMA.value: schema,
                }
            )
            statement.bind_stream(rows.to_reader(max_chunksize=_CHUNK_ROWS))
            statement.execute_update()

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self._connection.rollback()
        self._connection.close()
        self._database.close()
