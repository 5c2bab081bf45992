"""Does a load's memory grow with its file? Peak resident memory of one of 100 MB beside a large one.

``BENCH_FILE_MB`` is the size of the large one (default 500; 5000 takes a quarter of an hour and 25 GB of disk).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figure import Figure, cost
from tests.benchmarks.ingest import bench_file, ingest
from tests.benchmarks.throwaway import installed

FILE_MB = int(os.environ.get("BENCH_FILE_MB", "500"))
SMALL_MB = min(100, FILE_MB)
_SAMPLE = 100_000


def observations(folder: Path, megabytes: int) -> int:
    """How many results a long file of this size has."""
    sample = bench_file(folder, "long", _SAMPLE)
    a_result = sample.stat().st_size / _SAMPLE
    sample.unlink()
    return round(megabytes * 1e6 / a_result)


def figures() -> Iterator[Figure]:
    with installed() as (_, folder):
        peaks = []
        for megabytes in (SMALL_MB, FILE_MB):
            count = observations(folder, megabytes)
            file = bench_file(folder, "long", count)
            peaks.append(ingest(file, f"memory_{megabytes}_{len(peaks)}")[1])
            file.unlink()
        yield cost("memory", f"of {FILE_MB} MB", peaks[1], "MiB", count, f"of {SMALL_MB} MB", peaks[0])


if __name__ == "__main__":
    for figure in figures():
        print(figure)
