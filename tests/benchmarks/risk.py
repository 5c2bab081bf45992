"""Speed of the risk models: every equation of the daily build for a million people, Cox of 100,000 × 20.

``python -m tests.benchmarks.risk`` prints the figures of ``make bench``. ``BENCH_PEOPLE`` scales it.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.score import PART, _rows
from models.scoring import score
from models.spec import every, find
from models.survival.partial import Risk, solve
from tests.benchmarks.figure import Figure, cost, rate

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
RATES = {"smoker": 0.2, "diabetes": 0.1, "bp_medication": 0.15, "statin": 0.05, "cvd_history": 0.03,
         "family_history_cvd": 0.2, "glucose_disorder": 0.15}  # fmt: skip


def features(folder: Path, people: int) -> list[Path]:
    """What ``fct_risk_features`` holds, in parts, as files: a twentieth of every answer is missing."""
    rng = np.random.default_rng(1)
    files = []
    for number, start in enumerate(range(0, people, PART)):
        n = min(PART, people - start)
        normal = {"sbp_mm_hg": (130, 18), "dbp_mm_hg": (80, 10), "total_cholesterol_mmol_l": (5, 1),
                  "hdl_cholesterol_mmol_l": (1.3, 0.3), "triglycerides_mmol_l": (1.6, 0.4), "bmi_kg_m2": (24, 3.5),
                  "waist_cm": (84, 9), "creatinine_umol_l": (78, 15), "ast_u_l": (25, 5), "alt_u_l": (25, 5),
                  "platelets_10_9_l": (230, 45), "albumin_g_l": (44, 3), "hba1c_percent": (5.6, 0.5),
                  "fasting_glucose_mmol_l": (5.4, 0.7), "uacr_mg_g": (20, 5), "insulin_mu_l": (9, 2)}  # fmt: skip
        table: dict[str, Any] = {
            "person_key": np.arange(start, start + n), "site": "hz", "exam_key": np.arange(start, start + n),
            "exam_date": pd.Timestamp("2024-03-05").date(), "age_years": rng.integers(20, 85, n).astype(float),
            "sex": rng.choice(["male", "female"], n), "north": 1.0, "urban": 1.0,
            **{name: np.maximum(rng.normal(*numbers, n), 0.2) for name, numbers in normal.items()},
            **{name: (rng.random(n) < rate).astype(float) for name, rate in RATES.items()},
        }  # fmt: skip
        for name in (*normal, *RATES):
            table[name][rng.random(n) < 0.05] = np.nan
        files.append(folder / f"features_{number}.parquet")
        pq.write_table(pa.Table.from_pandas(pd.DataFrame(table), preserve_index=False), files[-1])
    return files


def score_part(path: Path) -> int:
    """Read a part, score it with every daily model, write what goes into ``risk.score``; the number of rows."""
    part, rows = pd.read_parquet(path), 0
    target = path.with_name(path.name.replace("features", "scores"))
    with pa.OSFile(str(target), "wb") as file:
        writer = None
        for spec in every():
            if spec.daily:
                scored = _rows(spec, part, score(spec, part), "bench")
                writer = writer or pa.ipc.new_file(file, scored.schema)
                writer.write_table(scored)
                rows += len(scored)
        assert writer is not None
        writer.close()
    return rows


def scoring(people: int = PEOPLE) -> list[Figure]:
    """From files of features to files of scores, with reasons, on two processes."""
    with tempfile.TemporaryDirectory() as name:
        files = features(Path(name), people)
        start = time.monotonic()
        with ProcessPoolExecutor(2) as pool:
            rows = sum(pool.map(score_part, files))
        seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    models = sum(spec.daily for spec in every())
    return [
        cost("risk_scoring", "all equations", seconds, "s", people, "limit", 60 * people / 1e6),
        rate("risk_scoring", rows / seconds, f"rows/s of {models} models", rows),
        cost("risk_scoring", "peak_rss", peak, "MiB", people),
    ]


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
