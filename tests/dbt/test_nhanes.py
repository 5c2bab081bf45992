"""On real people the marts' prevalences are those computed from the files themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.fixtures.loads import leaving_no_rows
from wellhouse.settings import Settings

FILES = {
    "nhanes_2017_2018": "nhanes_2017_2018_wide.csv.gz",
    "nhanes_2003_2004": "nhanes_2003_2004_mortality_cohort.csv.gz",
}
STEPS = (
    ("wellhouse", "dbt", "build", "--selector", "before_scoring"),
    ("python", "-m", "models.score"),
    ("wellhouse", "dbt", "build", "--selector", "after_scoring"),
)


def rebuild(of: Settings) -> None:
    for step in STEPS:
        done = subprocess.run(step, capture_output=True, text=True, cwd=of.root)
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def rates(built: Settings, shared_data: Path) -> Iterator[dict[tuple[int, str], tuple[int, float]]]:
    """(year, measure) → people and share, of the site's total; the sample alone is there again afterwards."""
    with leaving_no_rows(built) as server:
        for mapping, name in FILES.items():
            done = subprocess.run(
                ["wellhouse", "ingest", str(shared_data / "nhanes" / name), "--mapping", f"mappings/{mapping}.yaml"],
                capture_output=True, text=True, cwd=built.root,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
        rebuild(built)
        rows = server.execute(
            "select exam_year, measure, person_count, share from population.rpt_population_rate"
            " where site = 'nhanes' and division = 'total'"
        ).fetchall()
        yield {(year, measure): (count, share) for year, measure, count, share in rows}
    rebuild(built)


def adults(shared_data: Path, mapping: str) -> pd.DataFrame:
    people = pd.read_csv(shared_data / "nhanes" / FILES[mapping], low_memory=False)
    return people[people.RIDAGEYR >= 18]


def share(event: Any, known: Any) -> tuple[int, float]:
    return int(known.sum()), float(event[known].mean())


def compare(found: tuple[int, float], expected: tuple[int, float]) -> None:
    assert found[0] == expected[0]
    assert round(found[1], 4) == round(expected[1], 4)


def test_diabetes(rates: dict[tuple[int, str], tuple[int, float]], shared_data: Path) -> None:
    people = adults(shared_data, "nhanes_2017_2018")
    glucose = people.LBXGLU * 0.0555
    event = (people.LBXGH >= 6.5) | (glucose >= 7.0)
    compare(rates[2018, "diabetes_prevalence"], share(event, people.LBXGH.notna() | glucose.notna()))


def test_obesity(rates: dict[tuple[int, str], tuple[int, float]], shared_data: Path) -> None:
    people = adults(shared_data, "nhanes_2017_2018")
    compare(rates[2018, "obesity_prevalence"], share(people.BMXBMI >= 28, people.BMXBMI.notna()))


def test_high_total_cholesterol(rates: dict[tuple[int, str], tuple[int, float]], shared_data: Path) -> None:
    people = adults(shared_data, "nhanes_2017_2018")
    compare(rates[2018, "cholesterol_high_prevalence"], share(people.LBXTC * 0.02586 >= 6.2, people.LBXTC.notna()))


def test_chronic_kidney_disease(rates: dict[tuple[int, str], tuple[int, float]], shared_data: Path) -> None:
    """CKD-EPI 2021 written out once more: Inker LA et al. N Engl J Med 2021;385:1737-1749."""
    people = adults(shared_data, "nhanes_2017_2018")
    female = people.RIAGENDR == 2
    ratio = people.LBXSCR / np.where(female, 0.7, 0.9)
    egfr = (
        142 * np.minimum(ratio, 1) ** np.where(female, -0.241, -0.302) * np.maximum(ratio, 1) ** -1.2
        * 0.9938**people.RIDAGEYR * np.where(female, 1.012, 1)
    )  # fmt: skip
    compare(rates[2018, "ckd_prevalence"], share(egfr < 60, egfr.notna()))


def test_hypertension_where_pressure_was_measured(
    rates: dict[tuple[int, str], tuple[int, float]], shared_data: Path
) -> None:
    people = adults(shared_data, "nhanes_2003_2004")

    def reading(name: str) -> pd.Series:
        columns = people[[f"{name}{n}" for n in (1, 2, 3, 4)]]
        if name == "BPXDI":
            columns = columns.where(columns != 0)  # 0: no sound was heard down to zero
        return columns.iloc[:, 1:].mean(axis=1).fillna(columns.iloc[:, 0])

    systolic, diastolic = reading("BPXSY"), reading("BPXDI")
    known = systolic.notna() | diastolic.notna()
    compare(rates[2004, "hypertension_prevalence"], share((systolic >= 140) | (diastolic >= 90), known))
