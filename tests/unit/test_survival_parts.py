"""Expressions, cohorts, imputation and measures, on data whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from models.expressions import columns_of, evaluate
from models.fit import fit_file
from models.survival import metrics
from models.survival.cohort import Cohort, prepare
from models.survival.cox import fit
from models.survival.impute import expect, impute
from models.survival.spec import FitSpec, load
from wellhouse.errors import WellhouseError

COLUMNS = {
    "a": np.array([1.0, 2.0, np.nan]),
    "b": np.array(["x", None, "y"], dtype=object),
    "c.d": np.array([4.0, 9.0, 16.0]),
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a == 1", [1, 0, np.nan]),
        ("b == 'x'", [1, np.nan, 0]),
        ("a > 1 or c.d > 10", [0, 1, 1]),
        ("a > 1 and c.d > 10", [0, 0, np.nan]),
        ("not a == 2", [1, 0, np.nan]),
        ("sqrt(c.d) - 1", [1, 2, 3]),
        ("min(col('c.d'), 8) * -2 + a ** 2", [-7, -12, np.nan]),
        ("7", [7, 7, 7]),
    ],
)
def test_expressions_keep_what_is_missing_missing(expression: str, expected: list[float]) -> None:
    np.testing.assert_allclose(evaluate(expression, COLUMNS, 3), expected)


def test_columns_of_an_expression_are_known_before_it_is_computed() -> None:
    assert columns_of("where(a == 1, log(c.d), min(col('a b'), 3)) and not b == 'x'") == {"a", "c.d", "a b", "b"}
    assert columns_of("1 + 2") == set()


def test_where_chooses_text() -> None:
    assert list(evaluate("where(a == 1, 'male', 'female')", COLUMNS, 3)) == ["male", "female", None]


@pytest.mark.parametrize(
    "expression",
    ["zz + 1", "__import__('os')", "a.__class__", "open('f')", "a[0]", "(lambda: 1)()", "1 +", "rcs(a, 9, 1, 2, 3)"],
)
def test_what_is_not_in_the_language_is_refused(expression: str) -> None:
    with pytest.raises(WellhouseError):
        evaluate(expression, COLUMNS, 3)


SPEC = FitSpec("m", "1", "t", "e", {"x": "x"}, horizon=5, censor_at=5, filter="keep == 1")


def test_a_cohort_counts_whom_it_leaves_out() -> None:
    table = pd.DataFrame(
        {"t": [1, 9, 0, np.nan, 3], "e": [1, 1, 1, 1, 1], "x": [1, np.nan, 2, 3, 4], "keep": [1, 1, 1, 1, 0]}
    )
    cohort = prepare(SPEC, table)
    assert cohort.flow == {
        "rows": 5,
        "filtered_out": 1,
        "outcome_unknown": 1,
        "no_follow_up": 1,
        "covariate_missing": 1,
    }
    assert list(cohort.time) == [1, 5]
    assert list(cohort.event) == [True, False]  # the second happened after the end of follow-up


def simulated(n: int = 2000, seed: int = 7) -> Cohort:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    x[:, 1] += 0.7 * x[:, 0]
    died = rng.exponential(20 / np.exp(x @ np.array([0.5, -0.4])))
    censored = rng.uniform(2, 15, n)
    return Cohort(np.minimum(died, censored), died <= censored, x, ("a", "b"), {})


def test_imputation_recovers_the_coefficients_and_knows_it_is_less_sure() -> None:
    whole = simulated()
    rng = np.random.default_rng(3)
    x = whole.x.copy()
    x[rng.random(len(x)) < 1 / (1 + np.exp(-x[:, 0])) * 0.6, 1] = np.nan  # the more of a, the more often b is missing
    spec = FitSpec("m", "1", "t", "e", {"a": "a", "b": "b"}, horizon=5, imputations=10)
    full, imputed = fit(spec, whole, rng), fit(spec, Cohort(whole.time, whole.event, x, whole.names, {}), rng)
    np.testing.assert_allclose(imputed.beta, full.beta, atol=0.07)
    assert imputed.error[1] > full.error[1]


def test_imputed_values_are_observed_ones_and_repeat_with_the_seed() -> None:
    cohort = simulated(300)
    cohort.x[:20, 0] = np.nan
    first, second = (impute(cohort, 2, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert set(first[0][:20, 0]) <= set(cohort.x[20:, 0])


def test_a_missing_covariate_is_averaged_over_given_the_known_ones() -> None:
    beta = np.array([0.4, 0.8])
    x = np.array([[2.0, np.nan], [1.0, 1.0], [np.nan, np.nan], [-1.0, np.nan]])
    covariance = np.array([[1.0, 0.5], [0.5, 1.0]])
    found = expect(lambda whole: whole @ beta, x, np.zeros(2), covariance)
    # of a normal variable: E[exp(b x)] = exp(b mean + b² variance / 2)
    spread = beta[1] ** 2 * 0.75 / 2
    np.testing.assert_allclose(
        found, [0.8 + 0.8 + spread, 1.2, beta @ covariance @ beta / 2, -0.4 - 0.4 + spread], atol=0.02
    )
    curved = expect(lambda whole: whole[:, 1] ** 2 / 4, x[:1], np.zeros(2), covariance)
    assert curved[0] > 1 / 4 + 0.1  # more than at the mean


def test_measures_without_censoring_are_the_plain_ones() -> None:
    time, event = np.array([1.0, 2, 3, 4]), np.ones(4, dtype=bool)
    risk = np.array([0.9, 0.3, 0.6, 0.1])
    censoring = metrics.Censoring.of(time, event)
    assert metrics.concordance(time, event, risk)[0] == pytest.approx(5 / 6)
    assert metrics.kaplan_meier(time, event, 2) == 0.5
    assert metrics.brier(time, event, risk, 2, censoring) == pytest.approx((0.1**2 + 0.7**2 + 0.6**2 + 0.1**2) / 4)
    assert metrics.auc(time, event, risk, 2, censoring) == pytest.approx(3 / 4)


def test_true_risks_are_found_calibrated() -> None:
    rng = np.random.default_rng(11)
    rate = np.exp(rng.normal(-3, 1, 8000))
    died, censored = rng.exponential(1 / rate), rng.uniform(1, 30, 8000)
    time, event = np.minimum(died, censored), died <= censored
    risk = 1 - np.exp(-10 * rate)
    assert metrics.calibration_slope(time, event, risk, 10) == pytest.approx(1, abs=0.06)
    assert metrics.calibration_intercept(event & (time <= 10), rate * np.minimum(time, 10)) == pytest.approx(
        0, abs=0.05
    )
    assert np.abs(metrics.smoothed_observed(time, event, risk, 10) - risk).mean() < 0.02
    assert metrics.calibration_slope(time, event, 1 - (1 - risk) ** 3, 10) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"horizon": None}, "'horizon' is missing"),
        ({"horizont": 5}, "unknown key: horizont"),
        ({"horizon": "soon"}, "'horizon' must be a number"),
        ({"missing": "ignore"}, "complete_case or multiple_imputation"),
        ({"covariates": ["x", "word"]}, "'word' is text"),
        ({"covariates": ["x", "absent"]}, "data.csv: missing column 'absent', used by covariates: absent"),
        ({"covariates": ["x", {"y": "2"}]}, "'y' is the same for everybody"),
        ({"event": "x"}, "must be 1 (happened) or 0 (censored)"),
        ({"filter": "t < 3"}, "events are too few"),
        ({"filter": "t > 1e9"}, "nobody is left"),
    ],
)
def test_a_wrong_spec_is_one_clear_line(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"t": np.arange(1, 201), "e": 1, "x": rng.normal(size=200), "word": "w"})
    table.to_csv(tmp_path / "data.csv", index=False)
    spec = {"duration": "t", "event": "e", "covariates": ["x"], "horizon": 100} | change
    (tmp_path / "spec.yml").write_text(yaml.safe_dump(spec))
    with pytest.raises(WellhouseError) as caught:
        fit_file(tmp_path / "spec.yml", tmp_path / "data.csv", tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "coefficients").exists()


def test_covariates_are_a_list_or_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "spec.yml"
    path.write_text("duration: t\nevent: e\nhorizon: 5\ncovariates: [age, {log_bili: log(bili)}]\n")
    assert load(path).covariates == {"age": "age", "log_bili": "log(bili)"}
