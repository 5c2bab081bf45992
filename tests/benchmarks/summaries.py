"""Speed of health summaries: a batch over a built warehouse by one command, and the typesetting alone.

``python -m tests.benchmarks.summaries`` prints the figures of ``make bench``. ``BENCH_SUMMARIES`` scales it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.figure import Figure, cost, rate
from tests.benchmarks.throwaway import WELLHOUSE, installed, timed
from wellhouse.build import everything
from wellhouse.settings import Settings
from wellhouse.summaries import summary
from wellhouse.summaries.collect import reading
from wellhouse.summaries.document import document
from wellhouse.summaries.render import Renderer
from wellhouse.summaries.wording import wording

COUNT = int(os.environ.get("BENCH_SUMMARIES", "500"))
SITE, YEAR, READER = "hz", 2024, "analyst_hz"
PEER = 10
"""Summaries for the peer, which is slow."""


def figures() -> Iterator[Figure]:
    with installed() as (of, folder):
        build(of)
        yield from measure(of, folder)


def build(of: Settings) -> None:
    """Marts of one site of the sample, of which ``COUNT`` people and more came in that year."""
    run(WELLHOUSE, "sample", "--people", str(COUNT * 4), "--years", "6", "--output", str(of.inbox))
    for site in of.inbox.iterdir():
        if site.name != SITE:
            shutil.rmtree(site)
    run(WELLHOUSE, "ingest", str(of.inbox), "--json")
    run(WELLHOUSE, "gate", "run")
    everything(of)
    run(WELLHOUSE, "user", "ensure-defaults")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def measure(of: Settings, folder: Path) -> Iterator[Figure]:
    _, small, _ = batch(folder / "tenth", COUNT // 10)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took, peak, made = batch(folder / "all", COUNT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = made["count"]
    yield rate("summaries", count / took, "PDFs/s", count)
    yield rate("summaries", count / busy, "PDFs/s/core", count)
    yield cost("summaries", "pages", sum(f["pages"] for f in made["files"]) / count, "pages a PDF", count)
    yield cost("summaries", "peak memory", peak, "MiB", count, "a tenth of them", small)
    yield typeset(of)


def batch(output: Path, count: int) -> tuple[float, int, dict[str, Any]]:
    """(seconds, peak resident MiB, manifest) of so many by one command; all of them are made."""
    took, peak, _ = timed(
        WELLHOUSE, "summaries", "--site", SITE, "--year", str(YEAR), "--limit", str(count),
        "--as", READER, "--output", str(output),
    )  # fmt: skip
    made: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    assert made["count"] == count == len([*output.glob("*.pdf")]), made["count"]
    return took, peak, made


def typeset(of: Settings) -> Figure:
    """Setting alone, on one core, beside a compiler that is made anew for every document."""
    documents = [*_documents(of, 60)]
    renderer = Renderer(summary.folder(of))
    renderer.pdf(*documents[0])
    started = time.process_time()
    for each in documents[1:]:
        renderer.pdf(*each)
    ours = (len(documents) - 1) / (time.process_time() - started)
    started = time.process_time()
    for each in documents[:PEER]:
        Renderer(summary.folder(of)).pdf(*each)
    peer = PEER / (time.process_time() - started)
    return rate("summaries_typeset", ours, "PDFs/s/core", len(documents), "a compiler each", peer)


def _documents(of: Settings, count: int) -> Iterator[tuple[dict[str, Any], Any]]:
    words = wording(summary.folder(of), "zh")
    with reading(of, READER) as mine:
        for facts in mine.facts(mine.latest(mine.of_year(SITE, YEAR, count), SITE, YEAR)):
            yield document(facts, words), facts.built_at


if __name__ == "__main__":
    for found in figures():
        print(f"{found.name:<20} {found.metric:<12} {found.value:>10} {found.unit:<14} {found.peer} {found.peer_value}")
