"""Many summaries by one order: one sign-in, a compiler a core, a manifest of what there is."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from wellhouse import files
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.summaries import summary
from wellhouse.summaries.collect import reading
from wellhouse.summaries.document import document
from wellhouse.summaries.facts import Facts
from wellhouse.summaries.render import Renderer
from wellhouse.summaries.wording import Language, wording

MOST = 20_000
AT_ONCE = 100
"""Persons an audit event, which is durable before the first of them is read; and persons held in memory."""


@dataclass(frozen=True)
class File:
    name: str
    sha256: str
    pages: int


@dataclass(frozen=True)
class Manifest:
    count: int
    files: list[File]
    seconds: float
    truncated: bool


def summaries(
    settings: Settings,
    site: str,
    year: int,
    output: Path,
    username: str,
    language: Language = "zh",
    most: int = MOST,
    password: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Manifest:
    """Everybody examined at a site in ``year``, by their last exam of it, as ``username`` may see them.

    Each file appears complete or not at all; ``manifest.json`` comes last, so that a folder without it is not whole.

    :raises WellhouseError: as a single summary does, or nobody is to be printed
    """
    began = time.monotonic()
    folder = summary.folder(settings)
    renderer, words = Renderer(folder), wording(folder, language)
    made: list[File] = []

    def printed(facts: Facts) -> bytes:
        return renderer.pdf(document(facts, words), facts.built_at)

    with reading(settings, username) as mine, ThreadPoolExecutor(os.cpu_count()) as printers:
        persons = mine.of_year(site, year, most + 1)
        if not persons:
            raise WellhouseError(f"{username} may read nobody who was examined at {site} in {year}")
        output.mkdir(parents=True, exist_ok=True, mode=0o700)
        (output / "manifest.json").unlink(missing_ok=True)
        persons, truncated = persons[:most], len(persons) > most
        for start in range(0, len(persons), AT_ONCE):
            block = persons[start : start + AT_ONCE]
            mine.audited("export", block)
            if mine.identified:
                mine.audited("reveal", block)
            for person_key, pdf in zip(
                block, printers.map(printed, mine.facts(mine.latest(block, site, year))), strict=True
            ):
                name, pages = f"{person_key}_{language}.pdf", summary.pages(pdf)
                if password is not None:
                    pdf = summary.locked(pdf, password)
                summary.write(pdf, output / name)
                made.append(File(name, hashlib.sha256(pdf).hexdigest(), pages))
                progress(len(made), len(persons))
    manifest = Manifest(len(made), made, round(time.monotonic() - began, 1), truncated)
    files.replace(output / "manifest.json", json.dumps(asdict(manifest), indent=1).encode())
    return manifest
