"""``make bench``: speed as ratios against peers of the same run, in a throwaway installation.

Writes ``var/bench/ingest.json`` and prints a table. ``BENCH_OBSERVATIONS`` scales it (default 5,000,000).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from wellhouse.ops import cluster, installation, services, supervisor
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import PROJECT_ROOT, Settings

OBSERVATIONS = int(os.environ.get("BENCH_OBSERVATIONS", "5000000"))
WELLHOUSE = str(Path(sys.executable).with_name("wellhouse"))


@dataclass
class Figure:
    """One measured figure, in the form of every benchmark."""

    name: str
    metric: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    rows: int
    machine: str


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{os.cpu_count()} cores, {memory} GiB, {platform.machine()}"


def bench_file(folder: Path, layout: str, observations: int) -> Path:
    path = folder / f"{layout}_{observations}.csv"
    subprocess.run(
        [WELLHOUSE, "sample", "--bench", str(observations), "--layout", layout, "--output", str(path)], check=True
    )
    return path


def ingest(path: Path, site: str) -> tuple[float, int, str]:
    """(seconds, peak resident MiB, sha256) of one load, the whole command with its start."""
    before = time.monotonic()
    command = [WELLHOUSE, "ingest", str(path), "--source", "exam", "--site", site, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    (file,) = answer["files"]
    assert file["status"] == "loaded", file
    assert file["observations"]["loaded"] == file["observations"]["read"], file
    return time.monotonic() - before, usage.ru_maxrss // 1024, file["sha256"]


def copy_seconds(of: Settings, sha256: str) -> float:
    """Server-side ``COPY FROM`` of the same rows as CSV, into a table of the same shape and index."""
    # in the cluster's own folder: the server, not this process, reads and writes it
    file = str(cluster.data(of) / "bench.csv")
    with administrator(of, of.database) as server:
        server.execute("drop table if exists landing.bench")
        server.execute("create table landing.bench (like landing.observation including all)")
        server.execute("set statement_timeout = 0")
        (load_id,) = server.execute("select load_id from ops.load where sha256 = %s", (sha256,)).fetchone() or (0,)
        server.execute(
            f"copy (select * from landing.observation where load_id = {load_id}) to '{file}' (format csv)"  # noqa: S608
        )
        server.execute("checkpoint")
        before = time.monotonic()
        server.execute(f"copy landing.bench from '{file}' (format csv)")
        seconds = time.monotonic() - before
        server.execute("drop table landing.bench")
    (cluster.data(of) / "bench.csv").unlink()
    return seconds


def measure(of: Settings, folder: Path) -> list[Figure]:
    figures = []
    for layout in ("wide", "long"):
        small, large = (bench_file(folder, layout, n) for n in (OBSERVATIONS // 10, OBSERVATIONS))
        _, small_rss, _ = ingest(small, f"{layout}_small")
        seconds, rss, sha256 = ingest(large, f"{layout}_large")
        peer = copy_seconds(of, sha256)
        ours, theirs = OBSERVATIONS / seconds, OBSERVATIONS / peer
        figures += [
            Figure(f"ingest_{layout}", "throughput", round(ours), "observations/s", "COPY FROM csv", round(theirs),
                   round(ours / theirs, 2), OBSERVATIONS, machine()),
            Figure(f"ingest_{layout}", "peak_rss", rss, "MiB", "a file of a tenth", small_rss,
                   round(rss / small_rss, 2), OBSERVATIONS, machine()),
        ]  # fmt: skip
        small.unlink()
        large.unlink()
    return figures


def main() -> None:
    results = PROJECT_ROOT / "var" / "bench"
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ |= {
            "WELLHOUSE_VAR": str(folder / "var"),
            "WELLHOUSE_POSTGRES_PORT": "15931",
            "WELLHOUSE_DATABASE_URL": "",
        }
        of = Settings()
        try:
            installation.start(of, (services.POSTGRES,), print)
            figures = measure(of, folder)
        finally:
            supervisor.stop(of)
    results.mkdir(parents=True, exist_ok=True)
    (results / "ingest.json").write_text(json.dumps([asdict(f) for f in figures], indent=1))
    for f in figures:
        print(
            f"{f.name:<14} {f.metric:<11} {f.value:>10,} {f.unit:<15} {f.peer:<18} {f.peer_value:>10,}  ratio {f.ratio}"
        )
    print(f"peak memory of this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB; {machine()}")


if __name__ == "__main__":
    main()
