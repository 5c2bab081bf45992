"""The fit code on public data, against what others published (docs/risk_models.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.fit import apparent
from models.survival import metrics
from models.survival.cohort import Cohort, prepare
from models.survival.cox import Cox, fit
from models.survival.spec import load
from models.tables import read_csv
from wellhouse.settings import PROJECT_ROOT

DATA = {"lung": "lung.csv", "rotterdam": "rotterdam.csv", "pbc": "pbc.csv"}


def fitted(name: str, shared_data: Path) -> tuple[Cohort, Cox]:
    spec = load(PROJECT_ROOT / "models" / "benchmarks" / f"{name}.yml")
    cohort = prepare(spec, read_csv(shared_data / "survival" / DATA[name]))
    return cohort, fit(cohort, spec.imputations, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("name", "n", "events", "coefficients", "digits", "c"),
    [
        ("lung", 227, 164, [0.01107, -0.55261, 0.46373], 5, 0.637),
        ("rotterdam", 2982, 1275, [0.342, 0.574, 0.304, -0.811, 0.362], 3, 0.682),
        ("pbc", 416, 160, [0.0396, 0.8963, 0.8636, -2.507, 2.387], 3, 0.835),
    ],
)
def test_published_coefficients_and_discrimination(
    shared_data: Path, name: str, n: int, events: int, coefficients: list[float], digits: int, c: float
) -> None:
    cohort, cox = fitted(name, shared_data)
    assert (len(cohort), int(cohort.event.sum())) == (n, events)
    np.testing.assert_allclose(cox.beta, coefficients, atol=0.6 * 10**-digits)
    assert round(apparent(cohort, cox), 3) == c


def test_rotterdam_interval_and_baseline_are_the_published_ones(shared_data: Path) -> None:
    cohort, cox = fitted("rotterdam", shared_data)
    c, error = metrics.concordance(cohort.time, cohort.event, cox.score(cohort.x))
    assert [round(c - 1.96 * error, 3), round(c + 1.96 * error, 3)] == pytest.approx([0.667, 0.697], abs=0.0011)
    # their reference: size up to 20 mm, no node, grade 1-2
    reference = np.exp(cox.score(np.zeros((1, 5))))[0]
    assert round(float(np.exp(-cox.baseline(np.array([5.0]))[0] * reference)), 3) == 0.804


def test_breslow_and_concordance_equal_lifelines(shared_data: Path) -> None:
    from lifelines import CoxPHFitter
    from lifelines.utils import concordance_index

    cohort, cox = fitted("lung", shared_data)
    frame = read_csv(shared_data / "survival" / "lung.csv")[["time", "status", "age", "sex", "ph.ecog"]].dropna()
    reference = CoxPHFitter().fit(frame.assign(status=frame["status"] == 2), "time", "status")
    ours, theirs = (
        cox.baseline(reference.baseline_cumulative_hazard_.index.to_numpy()),
        reference.baseline_cumulative_hazard_,
    )
    np.testing.assert_allclose(ours, theirs.iloc[:, 0], rtol=1e-6)
    score = cox.score(cohort.x)
    index = concordance_index(cohort.time, -score, cohort.event)
    assert metrics.concordance(cohort.time, cohort.event, score)[0] == pytest.approx(index, abs=1e-3)


@pytest.fixture(scope="module")
def framingham(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole command, on the whole data, into a folder of its own."""
    output = tmp_path_factory.mktemp("framingham")
    data = shared_data / "survival" / "framingham_teaching.csv.gz"
    command = [str(Path(sys.executable).with_name("wellhouse")), "survival", "fit", "models/framingham_cvd/spec.yml"]
    subprocess.run(
        [*command, "--data", str(data), "--output", str(output)], check=True, cwd=PROJECT_ROOT, capture_output=True
    )
    return output


def test_framingham_is_what_the_repository_holds(framingham: Path) -> None:
    kept = PROJECT_ROOT / "models" / "framingham_cvd"
    for name in ("coefficients/v1.json", "metrics.json"):
        assert_close(json.loads((framingham / name).read_text()), json.loads((kept / name).read_text()))


def assert_close(ours: Any, kept: Any) -> None:
    """The same document; numbers to what another machine's arithmetic may change."""
    if isinstance(kept, dict):
        assert set(ours) == set(kept)
        for key in kept:
            assert_close(ours[key], kept[key])
    elif isinstance(kept, list):
        assert len(ours) == len(kept)
        for a, b in zip(ours, kept, strict=True):
            assert_close(a, b)
    elif isinstance(kept, float):
        assert ours == pytest.approx(kept, rel=1e-5, abs=1e-8)
    else:
        assert ours == kept


def test_framingham_discriminates_and_is_calibrated(framingham: Path) -> None:
    measured = json.loads((framingham / "metrics.json").read_text())
    assert (measured["n"], measured["events"]) == (2498, 207)
    low, high = measured["c_index_ci"]
    assert low < measured["c_index"] < high
    assert 0.72 < measured["c_index"] < 0.80  # D'Agostino 2008: .763 men, .793 women
    assert 0.85 < measured["calibration_slope"] < 1.1
    assert abs(measured["calibration_intercept"]) < 0.1
    assert measured["ici"] < 0.02
    assert measured["auc_t"] > 0.74
    assert 0 < measured["ibs"] < measured["brier"] < 0.08


def test_coefficients_judge_other_people(framingham: Path, shared_data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.evaluate", "models/framingham_cvd/spec.yml", "--output", str(tmp_path)]
    command += ["--data", str(shared_data / "survival" / "framingham_teaching.csv.gz")]
    command += ["--coefficients", str(framingham / "coefficients" / "v1.json")]
    subprocess.run(command, check=True, cwd=PROJECT_ROOT)
    measured = json.loads((tmp_path / "metrics.json").read_text())
    # on the very people of the fit, a model is calibrated by construction
    assert measured["calibration_slope"] == pytest.approx(1, abs=0.02)
    assert measured["calibration_intercept"] == pytest.approx(0, abs=0.02)
