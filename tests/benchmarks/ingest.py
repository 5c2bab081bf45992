"""Ingestion beside its peers, of the same rows in the same run, in a throwaway installation.

``BENCH_OBSERVATIONS`` scales it (default 5,000,000). dlt gets all of them; pandas and target-postgres, which would take
most of an hour, get ``BENCH_PEER_ROWS`` (default 200,000).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow.csv import ConvertOptions, ReadOptions, read_csv

from tests.benchmarks.figure import Figure, cost, rate
from tests.benchmarks.throwaway import WELLHOUSE, installed, timed
from tests.package_manager import UV
from wellhouse import db
from wellhouse.landing.tables import SCHEMAS
from wellhouse.ops import cluster
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

OBSERVATIONS = int(os.environ.get("BENCH_OBSERVATIONS", "5000000"))
PEER_ROWS = min(OBSERVATIONS, int(os.environ.get("BENCH_PEER_ROWS", "200000")))
PEERS = {"dlt": OBSERVATIONS, "pandas": PEER_ROWS, "target_postgres": PEER_ROWS}
PEER_PACKAGES = ("dlt[postgres]", "meltanolabs-target-postgres", "pandas", "pyarrow", "sqlalchemy", "psycopg2-binary")


def bench_file(folder: Path, layout: str, observations: int) -> Path:
    path = folder / f"{layout}_{observations}.csv"
    subprocess.run(
        [WELLHOUSE, "sample", "--bench", str(observations), "--layout", layout, "--output", str(path)], check=True
    )
    return path


def ingest(path: Path, site: str, status: str = "loaded") -> tuple[float, int, str]:
    """(seconds, peak resident MiB, sha256) of one load, the whole command with its start."""
    seconds, rss, said = timed(WELLHOUSE, "ingest", str(path), "--source", "exam", "--site", site, "--json")
    (file,) = json.loads(said)["files"]
    assert file["status"] == status, file
    assert file["observations"][status] == file["observations"]["read"], file
    return seconds, rss, file["sha256"]


def tail(path: Path, rows: int, name: str) -> Path:
    """The last rows of a file of one row a line, cut off it, as a file of their own with the same header."""
    with path.open("r+b") as file:
        header = file.readline()
        file.seek(max(0, path.stat().st_size - 512 * rows))
        lines = file.read().splitlines(keepends=True)[-rows:]
        file.truncate(path.stat().st_size - sum(map(len, lines)))
    cut = path.with_name(f"{name}.csv")
    cut.write_bytes(header + b"".join(lines))
    return cut


def analyzed(of: Settings) -> None:
    """The planner knows the tables, as it does of any history older than a minute: autovacuum has come by then."""
    with administrator(of, of.database) as server:
        server.execute("analyze")


def copy_seconds(of: Settings, sha256: str, form: str) -> float:
    """Server-side ``COPY FROM`` of the same rows, into a table of the same shape and index."""
    # in the cluster's own folder: the server, not this process, reads and writes it
    file = str(cluster.data(of) / "bench")
    with administrator(of, of.database) as server:
        server.execute("drop table if exists landing.bench")
        server.execute("create table landing.bench (like landing.observation including all)")
        server.execute("set statement_timeout = 0")
        (load_id,) = server.execute("select load_id from ops.load where sha256 = %s", (sha256,)).fetchone() or (0,)
        server.execute(
            f"copy (select * from landing.observation where load_id = {load_id}) to '{file}' (format {form})"  # noqa: S608
        )
        server.execute("checkpoint")
        before = time.monotonic()
        server.execute(f"copy landing.bench from '{file}' (format {form})")
        seconds = time.monotonic() - before
        server.execute("drop table landing.bench")
    (cluster.data(of) / "bench").unlink()
    return seconds


def parsed_rows(of: Settings, file: Path) -> None:
    """Landed results as they would be handed to a peer."""
    schema = SCHEMAS["observation"]
    copy = (
        f"copy (select {', '.join(schema.names)} from landing.observation limit {OBSERVATIONS}) to stdout (format csv)"  # noqa: S608
    )
    raw = file.with_suffix(".csv")
    with raw.open("wb") as sink, db.connect("wh_ingest", of) as connection, connection.cursor().copy(copy) as rows:
        for part in rows:
            sink.write(part)
    flags = ConvertOptions(column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False)
    pq.write_table(read_csv(raw, ReadOptions(column_names=schema.names), convert_options=flags), file)
    raw.unlink()


def peer_rates(of: Settings, folder: Path) -> Iterator[tuple[str, int, float]]:
    """(peer, rows, rows a second) of others, given rows that are parsed already and nothing to seal, count or check."""
    parsed_rows(of, folder / "peer.parquet")
    with administrator(of, of.database) as server:
        server.execute("create role bench login in role pg_read_all_data")
        server.execute(f"alter role bench password '{db.password('wh_ingest', of)}'")
        server.execute(f"grant connect, create, temporary on database {of.database} to bench")
        server.execute("grant create on schema public to bench")
    url = db.url("wh_ingest", of).replace("//wh_ingest:", "//bench:").replace("&application_name=wellhouse", "")
    environment = folder / "peers"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, *PEER_PACKAGES], check=True)
    quiet = {"BENCH_URL": url, "BENCH_FOLDER": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false",
             "DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__LOG_LEVEL": "CRITICAL"}  # fmt: skip
    for name, rows in PEERS.items():
        command = [python, str(Path(__file__).with_name("peers.py")), name, str(folder / "peer.parquet"), str(rows)]
        done = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr[-2000:]}")
        yield name, rows, float(done.stdout.split()[-1])


def measure(of: Settings, folder: Path) -> Iterator[Figure]:
    ours = 0.0
    for layout in ("wide", "long"):
        # a hundredth of the small history, new to it and to the large one: a long file's last rows
        more = OBSERVATIONS // 1000 if layout == "long" else 0
        small, large = (bench_file(folder, layout, n) for n in (OBSERVATIONS // 10, OBSERVATIONS + 2 * more))
        added = [tail(large, more, f"added_{n}") for n in (1, 2)] if more else []
        _, small_rss, _ = ingest(small, f"{layout}_small")
        analyzed(of)
        increments = [ingest(added[0], f"{layout}_small")[0]] if added else []
        seconds, rss, sha256 = ingest(large, f"{layout}_large")
        ours = max(ours, OBSERVATIONS / seconds)
        for form in ("csv", "binary"):
            peer = OBSERVATIONS / copy_seconds(of, sha256, form)
            yield rate(f"ingest_{layout}", OBSERVATIONS / seconds, "observations/s", OBSERVATIONS, f"COPY {form}", peer)
        if added:
            analyzed(of)
            increments.append(ingest(added[1], f"{layout}_large")[0])
            yield cost("ingest_long", "an increment", increments[1], "s", more, "on a tenth of it", increments[0])
        again, _, _ = ingest(large, f"{layout}_large", "duplicate")
        yield cost(f"ingest_{layout}", "sent again", again, "s", OBSERVATIONS, "the first time", seconds)
        yield cost(f"ingest_{layout}", "peak_rss", rss, "MiB", OBSERVATIONS, "a file of a tenth", small_rss)
        small.unlink()
        large.unlink()
    for name, rows, peer in peer_rates(of, folder):
        yield rate("ingest", ours, "observations/s", rows, name, peer)


def figures() -> Iterator[Figure]:
    with installed() as (of, folder):
        yield from measure(of, folder)


if __name__ == "__main__":
    for figure in figures():
        print(figure)
