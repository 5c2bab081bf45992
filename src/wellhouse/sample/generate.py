"""The whole sample: every file of three sites, and what is true of them."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from wellhouse.sample import course as courses
from wellhouse.sample import defects, exams, panel, people, questionnaires, services
from wellhouse.sample.files import SampleFile
from wellhouse.sample.indicators import INDICATORS
from wellhouse.sample.people import FIRST_YEAR, SITES


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose, so that a change in one kind of file leaves the others as they are."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def population(count: int, years: int, seed: int) -> list[SampleFile]:
    """Every file, in the order of site, source and year."""
    persons = people.draw(count, years, stream(seed, "people"))
    course = courses.simulate(persons, stream(seed, "course"))
    values, package = panel.measure(persons, course, stream(seed, "panel"))
    minds = questionnaires.minds(count, stream(seed, "minds"))
    abnormal = sum(
        (panel.abnormal(i.code, values[i.code], persons.male[:, None]) != 0).astype(np.int64) for i in INDICATORS
    )
    made: list[SampleFile] = []
    for s, site in enumerate(SITES):
        by_source: dict[str, list[SampleFile]] = {}
        for year in range(FIRST_YEAR, FIRST_YEAR + years):
            of = exams.of(persons, package, s, year, stream(seed, f"order {site} {year}"))
            for file in (
                exams.file(persons, values, of, stream(seed, f"exam {site} {year}")),
                questionnaires.answers(persons, course, minds, of, stream(seed, f"questionnaire {site} {year}")),
                questionnaires.consultations(persons, course, of, stream(seed, f"consultation {site} {year}")),
                services.follow_ups(
                    persons, course, np.asarray(abnormal), of, stream(seed, f"follow_up {site} {year}")
                ),
                services.cards(persons, of, stream(seed, f"card {site} {year}")),
                services.interventions(persons, course, of, stream(seed, f"intervention {site} {year}")),
                services.care_plans(persons, course, of, stream(seed, f"care_plan {site} {year}")),
            ):
                by_source.setdefault(file.source, []).append(file)
        for source, files in by_source.items():
            defects.inject(files, stream(seed, f"defects {site} {source}"))
            made += files
    return [file for file in made if file.rows]


def truth(files: list[SampleFile], count: int, years: int, seed: int) -> dict[str, Any]:
    """What was generated: counts, and the numbers of the broken rows; no name, no number of a person."""
    described = [file.truth() for file in files]
    broken: Counter[str] = Counter()
    for file in files:
        broken.update(file.broken.values())
    return {
        "people": count,
        "years": years,
        "seed": seed,
        "files": described,
        "totals": {
            "files": len(files),
            "rows": sum(len(f.rows) for f in files),
            "observations": sum(sum(f.results) for f in files),
            "defects": dict(sorted(broken.items())),
        },
    }


def write(
    count: int, years: int, seed: int, output: Path, truth_file: Path | None = None
) -> tuple[list[SampleFile], dict[str, Any]]:
    """Write every file below ``output``."""
    files = population(count, years, seed)
    for file in files:
        file.write(output)
    facts = truth(files, count, years, seed)
    if truth_file is not None:
        truth_file.parent.mkdir(parents=True, exist_ok=True)
        truth_file.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return files, facts
