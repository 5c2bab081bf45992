"""Speed of health summaries: a batch over a built warehouse by one command, and the typesetting alone.

``python -m tests.benchmarks.summaries`` prints the figures of ``make bench``. ``BENCH_SUMMARIES`` scales it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typst

from tests.benchmarks.figure import Figure, cost, rate
from wellhouse.ops import installation, services, supervisor
from wellhouse.settings import Settings
from wellhouse.summaries import summary
from wellhouse.summaries.collect import reading
from wellhouse.summaries.document import document
from wellhouse.summaries.render import FONTS, TEMPLATE, Renderer
from wellhouse.summaries.wording import wording

COUNT = int(os.environ.get("BENCH_SUMMARIES", "500"))
SITE, YEAR, READER = "hz", 2024, "analyst_hz"
PEER = 10
"""Summaries for the peer, which is slow."""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ |= {
            "WELLHOUSE_VAR": str(folder / "var"),
            "WELLHOUSE_POSTGRES_PORT": "15932",
            "WELLHOUSE_DATABASE_URL": "",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        of = Settings()
        try:
            installation.start(of, (services.POSTGRES,), print)
            build(of)
            yield from measure(of, folder)
        finally:
            supervisor.stop(of)


def build(of: Settings) -> None:
    """Marts of so many people that every site has ``COUNT`` of them."""
    for command in (
        ("wellhouse", "sample", "--people", str(COUNT * 4), "--years", "6", "--output", str(of.inbox)),
        ("wellhouse", "ingest", str(of.inbox), "--json"),
        ("wellhouse", "gate", "run"),
        ("wellhouse", "dbt", "build", "--selector", "before_scoring"),
        (sys.executable, "-m", "models.score"),
        ("wellhouse", "dbt", "build", "--selector", "after_scoring"),
        ("wellhouse", "user", "ensure-defaults"),
    ):
        subprocess.run(command, check=True, capture_output=True)


def measure(of: Settings, folder: Path) -> Iterator[Figure]:
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    order = [
        "--site",
        SITE,
        "--year",
        str(YEAR),
        "--limit",
        str(COUNT),
        "--as",
        READER,
        "--output",
        str(folder / "out"),
    ]
    subprocess.run(["wellhouse", "summaries", *order], check=True, capture_output=True)
    took, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    made = json.loads((folder / "out" / "manifest.json").read_text())
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    yield rate("summaries", made["count"] / took, "PDFs/s", made["count"])
    yield rate("summaries", made["count"] / busy, "PDFs/s/core", made["count"])
    yield cost(
        "summaries", "pages", sum(f["pages"] for f in made["files"]) / made["count"], "pages a PDF", made["count"]
    )
    yield typeset(of)


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
    for words, created in documents[:PEER]:
        typst.compile(
            summary.folder(of) / TEMPLATE, root=summary.folder(of), font_paths=[FONTS], format="pdf",
            sys_inputs={"document": json.dumps(words, ensure_ascii=False)}, pdf_standards="a-2b",
            timestamp=int(created.timestamp()),
        )  # fmt: skip
    peer = PEER / (time.process_time() - started)
    return rate("summaries_typeset", ours, "PDFs/s/core", len(documents), "typst.compile", peer)


def _documents(of: Settings, count: int) -> Iterator[tuple[dict[str, Any], Any]]:
    words = wording(summary.folder(of), "zh")
    with reading(of, READER) as mine:
        for facts in mine.facts(mine.latest(mine.of_year(SITE, YEAR, count), SITE, YEAR)):
            yield document(facts, words), facts.built_at


if __name__ == "__main__":
    for found in figures():
        print(f"{found.name:<20} {found.metric:<12} {found.value:>10} {found.unit:<14} {found.peer} {found.peer_value}")
