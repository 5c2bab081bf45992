"""Speed of the risk models: every equation of the daily build for a million people, Cox of 100,000 × 20.

``python -m tests.benchmarks.risk`` prints the figures of ``make bench``. ``BENCH_PEOPLE`` scales it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from models.spec import every, find
from models.survival.partial import Risk, solve
from tests.benchmarks.figure import Figure, cost, rate
from tests.benchmarks.throwaway import installed, timed
from wellhouse import db
from wellhouse.settings import Settings

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
FEATURES = """
create table marts.fct_risk_features as
select person_key, 'hz' as site, person_key * 10 + year as exam_key, make_date(2019 + year, 3, 5) as exam_date,
    (20 + person_key % 60)::int + year as age_years, case when person_key % 2 = 0 then 'male' else 'female' end as sex,
    year = last_year as is_latest, true as north, true as urban, {columns}
from generate_series(1, {people}) as person_key,
    lateral (select {years} - 1 as last_year) as l, lateral generate_series(0, last_year) as year
"""
MEASURED = {"sbp_mm_hg": (130, 18), "dbp_mm_hg": (80, 10), "total_cholesterol_mmol_l": (5, 1),
            "hdl_cholesterol_mmol_l": (1.3, 0.3), "triglycerides_mmol_l": (1.6, 0.4), "bmi_kg_m2": (24, 3.5),
            "waist_cm": (84, 9), "creatinine_umol_l": (78, 15), "ast_u_l": (25, 5), "alt_u_l": (25, 5),
            "platelets_10_9_l": (230, 45), "albumin_g_l": (44, 3), "hba1c_percent": (5.6, 0.5),
            "fasting_glucose_mmol_l": (5.4, 0.7), "uacr_mg_g": (20, 5), "insulin_mu_l": (9, 2)}  # fmt: skip
ANSWERED = {"smoker": 0.2, "diabetes": 0.1, "bp_medication": 0.15, "statin": 0.05, "cvd_history": 0.03,
            "family_history_cvd": 0.2, "glucose_disorder": 0.15}  # fmt: skip


def features(of: Settings, people: int, years: int) -> None:
    """What the build leaves to be scored; a twentieth of every answer is missing."""
    spread = "(random() + random() + random() + random() - 2) * 1.73"
    columns = [
        f"case when random() > 0.05 then greatest({mean} + {spread} * {sd}, 0.2) end as {name}"
        for name, (mean, sd) in MEASURED.items()
    ]
    columns += [f"case when random() > 0.05 then random() < {share} end as {name}" for name, share in ANSWERED.items()]
    with db.connect("wh_transform", of) as connection:
        for name in ("fct_risk_features", "fct_outcome_event"):
            connection.execute(f"drop table if exists marts.{name}")
        connection.execute("select setseed(0.5)")
        connection.execute(FEATURES.format(columns=", ".join(columns), people=people, years=years))
        connection.execute(
            "create table marts.fct_outcome_event (person_key bigint, site text, event_code text, origin_date date,"
            " time_days int, observed boolean)"
        )
        for name in ("fct_risk_features", "fct_outcome_event"):
            connection.execute(f"grant select on marts.{name} to wh_model")


def scoring(people: int = PEOPLE) -> Iterator[Figure]:
    """From the mart to ``risk.scoring``, committed: one process, the whole command with its start."""
    command = (sys.executable, "-m", "models.score", "--json")
    models = [spec for spec in every() if spec.daily]
    outputs = sum(len(spec.outputs) for spec in models)
    yearly = sum(spec.yearly for spec in models)
    with installed() as (of, _):
        features(of, people // 10, 1)
        _, small, _ = timed(*command)
        features(of, people, 1)
        seconds, peak, said = timed(*command)
        assert json.loads(said)["people"] == people
        yield cost("risk_scoring", f"{len(models)} models", seconds, "s", people, "limit", 60 * people / 1e6)
        yield rate("risk_scoring", people * outputs / seconds, "scores/s", people * outputs)
        yield cost("risk_scoring", "peak_rss", peak, "MiB", people, "a tenth", small)
        again, _, _ = timed(*command)
        yield cost("risk_scoring", "nothing changed", again, "s", people, "the first time", seconds)
        features(of, people // 5, 6)
        seconds, _, _ = timed(*command)
        yield cost("risk_scoring", f"6 years, {yearly} models", seconds, "s", people // 5)


def cox(people: int = 100_000, covariates: int = 20) -> list[Figure]:
    """A Cox regression with a tenth of the times tied, beside lifelines on the same rows."""
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(2)
    x = rng.normal(size=(people, covariates))
    died = rng.exponential(np.exp(x @ np.linspace(-0.5, 0.5, covariates))) * 2000
    censored = rng.uniform(0, 3650, people)
    time_to, event = np.ceil(np.minimum(died, censored)), died <= censored
    start = time.monotonic()
    ours = solve(Risk(time_to, event), x)
    seconds = time.monotonic() - start
    frame = pd.DataFrame(x).assign(t=time_to, e=event)
    start = time.monotonic()
    theirs = CoxPHFitter().fit(frame, "t", "e")
    other = time.monotonic() - start
    assert np.abs(ours.beta - theirs.params_.to_numpy()).max() < 1e-5
    return [cost("cox_fit", f"{people} x {covariates}", seconds, "s", people, "lifelines", other)]


def equations(rows: int = 1_000_000) -> Iterator[Figure]:
    """One equation on columns in memory: China-PAR."""
    spec = find("china_par")
    numbers = {entry.name: np.full(rows, 1.0) for entry in spec.inputs}
    numbers |= {"age_years": np.full(rows, 50.0), "sbp_mm_hg": np.full(rows, 130.0), "waist_cm": np.full(rows, 80.0),
                "total_cholesterol_mg_dl": np.full(rows, 200.0)}  # fmt: skip
    numbers["hdl_cholesterol_mg_dl"] = np.full(rows, 50.0)
    numbers["sex"] = np.full(rows, "male")
    numbers.pop("cvd_history")
    from models.china_par.equation import china_par

    start = time.monotonic()
    china_par(**numbers, coefficients=spec.coefficients())
    yield cost("china_par", "columns in memory", time.monotonic() - start, "s", rows)


def figures() -> list[Figure]:
    """What ``make bench`` takes from here."""
    return [*scoring(), *cox(), *equations()]


if __name__ == "__main__":
    for figure in figures():
        print(figure)
