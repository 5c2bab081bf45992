"""What others need for rows that are parsed already: run in an environment of its own, which ``ingest.py`` makes.

``python peers.py PEER ROWS.parquet COUNT`` with the connection in ``BENCH_URL``; prints the rows a second of so many
rows. What a start costs is taken off, by the time that the first few rows take alone: so a rate found with fewer rows
than ours is none the worse for it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq


def pandas(rows: pa.Table, url: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    rows.to_pandas().to_sql("peer_pandas", engine, index=False, if_exists="replace", chunksize=10_000)


def dlt(rows: pa.Table, url: str) -> None:
    import dlt

    pipeline = dlt.pipeline("peer", destination=dlt.destinations.postgres(url), dataset_name="peer_dlt")
    pipeline.run([rows], table_name="observation", loader_file_format="csv")


def target_postgres(lines: bytes, url: str) -> None:
    """Its input is made before the clock starts: a Singer tap would have to, too, but is none of its work."""
    target = subprocess.Popen(
        [str(Path(sys.executable).with_name("target-postgres")), "--config", str(singer_config(url))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, error = target.communicate(lines)
    assert target.returncode == 0, error


def singer(rows: pa.Table) -> bytes:
    kinds = {"int64": "integer", "int32": "integer", "double": "number"}
    properties = {f.name: {"type": [kinds.get(str(f.type), "string"), "null"]} for f in rows.schema}
    head = {"type": "SCHEMA", "stream": "peer_target", "key_properties": [], "schema": {"properties": properties}}
    now = dt.datetime.now(dt.UTC).isoformat()
    lines = [json.dumps(head)]
    for record in rows.to_pylist():
        lines.append(json.dumps({"type": "RECORD", "stream": "peer_target", "record": record, "time_extracted": now}))
    return "\n".join([*lines, ""]).encode()


def singer_config(url: str) -> Path:
    parts = urlsplit(url)
    authority = parse_qs(parts.query)["sslrootcert"][0]
    config = Path(os.environ["BENCH_FOLDER"]) / "target.json"
    config.touch(0o600)
    config.write_text(json.dumps({
        "host": parts.hostname, "port": parts.port, "user": parts.username, "password": unquote(parts.password or ""),
        "database": parts.path.strip("/"), "default_target_schema": "peer_target", "ssl_enable": True,
        "ssl_mode": "verify-full", "ssl_certificate_authority": authority,
        "dialect+driver": "postgresql+psycopg2",
    }))  # fmt: skip
    return config


PEERS: dict[str, Callable[[Any, str], None]] = {"pandas": pandas, "dlt": dlt, "target_postgres": target_postgres}


def seconds(name: str, rows: pa.Table) -> float:
    given = singer(rows) if name == "target_postgres" else rows
    before = time.monotonic()
    PEERS[name](given, os.environ["BENCH_URL"])
    return time.monotonic() - before


def main() -> None:
    name, path, count = sys.argv[1:]
    rows = pq.read_table(path).slice(0, int(count)).combine_chunks()
    few = rows.slice(0, max(rows.num_rows // 100, 1))
    seconds(name, few)  # imports, tables, connections
    started = seconds(name, few)
    whole = seconds(name, rows)
    # of very few rows a start may by chance take longer than all of them: then nothing is taken off
    print((rows.num_rows - few.num_rows) / (whole - started if whole > started else whole))


if __name__ == "__main__":
    main()
