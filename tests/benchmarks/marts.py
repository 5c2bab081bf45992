"""The build of the marts: what the gate adds, how it grows, what a day's increment costs on ten times the history.

``BENCH_MARTS_PEOPLE`` (default 10,000) × 6 exams × all indicators of the sample; a tenth of them is measured first. A
run is what the DAG's tasks run, command for command: ``gate run``, ``dbt build`` before scoring, ``models.score``,
``dbt build`` after scoring.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.figure import Figure, cost, rate
from tests.benchmarks.throwaway import WELLHOUSE, installed, timed
from wellhouse.sample.bench import YEARS
from wellhouse.sample.indicators import INDICATORS

PEOPLE = int(os.environ.get("BENCH_MARTS_PEOPLE", "10000"))
A_PERSON = YEARS * len(INDICATORS)
"""Observations."""


@dataclass(frozen=True)
class Run:
    """Seconds of each task, and what dbt itself says it worked."""

    gate: float
    before: float
    score: float
    after: float

    @property
    def dbt(self) -> float:
        return self.before + self.after

    @property
    def wall(self) -> float:
        return self.gate + self.dbt + self.score


def land(folder: Path, people: int, seed: int, site: str, newest: bool = False) -> None:
    """So many people nobody has seen, ingested; exam numbers are the same in every file, so each is another site's.

    :param newest: only what was measured in the newest year, as a day's files have it
    """
    path = folder / f"people_{seed}.csv"
    subprocess.run(
        [WELLHOUSE, "sample", "--bench", str(people * A_PERSON), "--seed", str(seed), "--output", str(path)], check=True
    )
    if newest:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        year = [row[header.index("体检日期")][:4] for row in rows]
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([header, *(r for r, y in zip(rows, year, strict=True) if y == max(year))])
    _, _, said = timed(WELLHOUSE, "ingest", str(path), "--source", "exam", "--site", site, "--json")
    (file,) = json.loads(said)["files"]
    assert file["observations"]["loaded"] == file["observations"]["read"], file
    path.unlink()


def build() -> Run:
    """Everything, as the DAG does it."""
    gate, _, _ = timed(WELLHOUSE, "gate", "run", "--json")
    before, _, _ = timed(WELLHOUSE, "dbt", "build", "--selector", "before_scoring", "--json")
    score, _, _ = timed(sys.executable, "-m", "models.score", "--json")
    after, _, _ = timed(WELLHOUSE, "dbt", "build", "--selector", "after_scoring", "--json")
    return Run(gate, before, score, after)


def figures() -> Iterator[Figure]:
    small, large = PEOPLE // 10, PEOPLE
    everything, days = [], []
    for people in (small, large):
        with installed() as (_, folder):
            land(folder, people, 1, "hz")
            everything.append(build())
            # a hundredth of the small history, new to it and to the large one; then a hundredth of the large one
            for seed, more in ((3, small), (4, large)) if people == large else ((3, small),):
                land(folder, more * YEARS // 100, seed, f"site{seed}", newest=True)
                days.append(build().wall)
    rows, first = large * A_PERSON, everything[-1]
    yield rate("marts", rows / first.wall, "observations/s", rows)
    yield cost("marts", "gate, build, score", first.wall, "s", rows, "bare dbt build", first.dbt)
    yield cost("marts", "gate", first.gate, "s", rows, "a tenth of all", first.wall / 10)
    yield cost("marts", "score", first.score, "s", rows)
    yield cost("marts", "an increment", days[1], "s", rows, "on a tenth of it", days[0])
    yield cost("marts", "ten-fold increment", days[2], "s", rows, "a tenth on a tenth", days[0])


if __name__ == "__main__":
    for figure in figures():
        print(figure)
