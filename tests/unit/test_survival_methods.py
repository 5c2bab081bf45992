"""The solver and the methods beside plain Cox, against lifelines and against data whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter, CoxPHFitter, CoxTimeVaryingFitter, WeibullAFTFitter

from models.survival.artefact import Artefact, document, write_json
from models.survival.cohort import Cohort, prepare
from models.survival.competing import CauseSpecific, aalen_johansen
from models.survival.cox import Cox, choose
from models.survival.model import fit
from models.survival.partial import Risk, linear, solve
from models.survival.spec import FitSpec
from models.survival.validate import bootstrap, measure, predict, validate

BETA = np.array([0.6, -0.4, 0.0])


def people(n: int = 1500, seed: int = 1, ties: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    died, censored = rng.exponential(20 / np.exp(x @ BETA)), rng.uniform(1, 30, n)
    time = np.minimum(died, censored)
    return (np.ceil(time) if ties else time), died <= censored, x


def frame(time: np.ndarray, event: np.ndarray, x: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(t=time, e=event, **more)


@pytest.mark.parametrize("penalty", [0.0, 40.0])
@pytest.mark.parametrize("ties", [True, False])
def test_the_solver_equals_lifelines(ties: bool, penalty: float) -> None:
    time, event, x = people(ties=ties)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    ours = solve(Risk(time, event), z, penalty)
    theirs = CoxPHFitter(penalizer=penalty / len(x)).fit(frame(time, event, z), "t", "e")
    np.testing.assert_allclose(ours.beta, theirs.params_, atol=2e-4 if penalty else 1e-6)
    if not penalty:
        np.testing.assert_allclose(ours.variance, theirs.variance_matrix_, rtol=1e-5, atol=1e-9)
        assert ours.likelihood == pytest.approx(theirs.log_likelihood_)


def test_late_entry_equals_lifelines() -> None:
    time, event, x = people()
    entry = np.floor(np.random.default_rng(2).uniform(0, time))
    ours = solve(Risk(time, event, entry), x)
    theirs = CoxPHFitter().fit(frame(time, event, x, w=entry), "t", "e", entry_col="w")
    np.testing.assert_allclose(ours.beta, theirs.params_, atol=1e-6)


def test_time_varying_covariates_equal_lifelines() -> None:
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(500), 3)
    start = np.tile([0.0, 4.0, 8.0], 500)
    end = np.repeat(rng.uniform(1, 14, 500), 3)
    table = pd.DataFrame({"id": person, "start": start, "end": end, "a": rng.normal(size=1500)})
    table["event"] = np.repeat(rng.random(500) < 0.7, 3).astype(int)
    table.loc[table.index % 3 == 2, "a"] += table.loc[table.index % 3 == 2, "event"]  # the last exam says something
    spec = FitSpec("m", "1", "end", "event", {"a": "a"}, 10, person="id", starts="start")
    cohort = prepare(spec, table)
    model = fit(spec, cohort, rng)
    assert isinstance(model, Cox)
    assert cohort.person is not None
    theirs = CoxTimeVaryingFitter().fit(
        pd.DataFrame(
            {"id": cohort.person, "from": cohort.entry, "to": cohort.time, "e": cohort.event, "a": cohort.x[:, 0]}
        ),
        id_col="id", start_col="from", stop_col="to", event_col="e",
    )  # fmt: skip
    np.testing.assert_allclose(model.beta, theirs.params_, atol=1e-4)
    # an event counts once, in the period it is in; predictions are judged from the first exam on
    assert cohort.event.sum() == table.groupby("id")["event"].first().sum()
    assert len(cohort.baseline()) == 500
    np.testing.assert_allclose(cohort.baseline().time, table.groupby("id")["end"].first())


def competing(n: int = 4000, seed: int = 5) -> pd.DataFrame:
    """The subdistribution hazard of the first event is proportional in a with 0.5 (Fine and Gray's own simulation)."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    share, effect = 0.5, np.exp(0.5 * a)
    ours = rng.random(n) < 1 - (1 - share) ** effect
    u = rng.random(n)
    top = 1 - (1 - share) ** effect
    first = -np.log(1 - (1 - (1 - u * top) ** (1 / effect)) / share)
    other = rng.exponential(1, n)
    censored = rng.uniform(0.2, 4, n)
    at = np.where(ours, first, other)
    return pd.DataFrame(
        {"t": np.minimum(at, censored), "e": (ours & (at <= censored)).astype(int),
         "o": (~ours & (at <= censored)).astype(int), "a": a}
    )  # fmt: skip


def test_fine_gray_recovers_the_subdistribution_hazard_ratio() -> None:
    spec = FitSpec("m", "1", "t", "e", {"a": "a"}, 1.5, method="fine_gray", competing="o")
    table = competing(20000)
    model = fit(spec, prepare(spec, table), np.random.default_rng(1))
    assert isinstance(model, Cox)
    assert model.beta[0] == pytest.approx(0.5, abs=0.03)
    risk = model.risk(np.zeros((1, 1)), np.array([1.5]))[0, 0]
    assert risk == pytest.approx(0.5 * (1 - np.exp(-1.5)), abs=0.02)


def test_fine_gray_equals_lifelines_on_expanded_weights() -> None:
    table = competing(120)
    spec = FitSpec("m", "1", "t", "e", {"a": "a"}, 1.5, method="fine_gray", competing="o")
    model = fit(spec, prepare(spec, table), np.random.default_rng(1))
    assert isinstance(model, Cox)
    ended = table["e"] + table["o"] > 0
    order = np.sort(table["t"].to_numpy())

    @cache
    def uncensored(t: float) -> float:
        free = 1.0
        for moment in order[order < t]:
            leaving = int(((table["t"] == moment) & ~ended).sum())
            free *= 1 - leaving / int((table["t"] >= moment).sum())
        return free

    rows = [(i, 0.0, t, e, 1.0) for i, (t, e) in enumerate(zip(table["t"], table["e"], strict=True))]
    for i, row in table[table["o"] == 1].iterrows():
        start = row["t"]
        for moment in np.sort(table.loc[(table["e"] == 1) & (table["t"] > row["t"]), "t"]):
            rows.append((i, start, moment, 0, uncensored(moment) / uncensored(row["t"])))
            start = moment
    long = pd.DataFrame(rows, columns=["id", "from", "to", "e", "w"])
    long["a"] = table["a"].to_numpy()[long["id"]]
    theirs = CoxTimeVaryingFitter().fit(
        long, id_col="id", start_col="from", stop_col="to", event_col="e", weights_col="w", robust=False
    )
    assert model.beta[0] == pytest.approx(float(theirs.params_.iloc[0]), abs=2e-4)


def test_aalen_johansen_equals_lifelines_and_one_minus_kaplan_meier_overstates() -> None:
    table = competing()
    ours = aalen_johansen(*(table[k].to_numpy() for k in ("t", "e", "o")), 1.0)
    codes = np.where(table["e"] == 1, 1, np.where(table["o"] == 1, 2, 0))
    theirs = AalenJohansenFitter(calculate_variance=False, seed=1).fit(table["t"], codes, event_of_interest=1)
    assert ours == pytest.approx(float(theirs.predict(1.0)), abs=1e-6)


def test_cause_specific_hazards_make_up_calibrated_risks() -> None:
    spec = FitSpec("m", "1", "t", "e", {"a": "a"}, 1.0, competing="o", splines={"a": 4})
    cohort = prepare(spec, competing(8000))
    model = fit(spec, cohort, np.random.default_rng(1))
    assert isinstance(model, CauseSpecific)
    found = measure(cohort, predict(model, cohort, 1.0), 1.0)
    assert found["predicted_risk"] == pytest.approx(found["observed_risk"], rel=0.02)
    assert found["ici"] < 0.02
    assert found["calibration_slope"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("method", ["weibull", "log_normal", "log_logistic"])
def test_accelerated_failure_time_by_lifelines(method: str, tmp_path: Path) -> None:
    time, event, x = people(ties=False)
    table = frame(time, event.astype(int), x)
    spec = FitSpec("m", "1", "t", "e", {"a": "a", "b": "b"}, 10, method=method)  # type: ignore[arg-type]
    cohort = prepare(spec, table)
    model = fit(spec, cohort, np.random.default_rng(1))
    risk = model.risk(cohort.x, np.array([2.0, 10.0]))
    assert (np.diff(risk, axis=1) > 0).all()
    found = measure(cohort, predict(model, cohort, 10), 10)
    assert found["predicted_risk"] == pytest.approx(found["observed_risk"], abs=0.03)
    if method == "weibull":
        theirs = WeibullAFTFitter().fit(table.drop(columns="c"), "t", "e")
        survival = theirs.predict_survival_function(table, times=[10.0]).to_numpy()[0]
        np.testing.assert_allclose(1 - risk[:, 1], survival, atol=1e-4)
    check_round_trip(spec, cohort, model, tmp_path)


@pytest.mark.parametrize(
    "change", [{}, {"splines": {"a": 4}, "terms": {"ab": "a * b"}, "penalty": "cv"}, {"competing": "o"}]
)
def test_coefficients_are_json_that_predicts_the_same(change: dict[str, object], tmp_path: Path) -> None:
    table = competing(600)
    table["b"] = np.random.default_rng(2).normal(size=600)
    table.loc[:40, "b"] = np.nan
    spec = replace(FitSpec("m", "1", "t", "e", {"a": "a", "b": "b"}, 1.0), **change)  # type: ignore[arg-type]
    cohort = prepare(spec, table)
    check_round_trip(spec, cohort, fit(spec, cohort, np.random.default_rng(1)), tmp_path)


def check_round_trip(spec: FitSpec, cohort: Cohort, model: object, folder: Path) -> None:
    data = folder / "data.csv"
    data.write_text("t\n1\n")
    write_json(folder / "v1.json", document(spec, cohort, model, data))  # type: ignore[arg-type]
    read = Artefact.read(folder / "v1.json")
    at = np.array([spec.horizon])
    np.testing.assert_allclose(read.model.risk(cohort.x, at), model.risk(cohort.x, at), rtol=0.03)  # type: ignore[attr-defined]
    again = fit(spec, cohort, np.random.default_rng(1))
    np.testing.assert_array_equal(again.risk(cohort.x, at), model.risk(cohort.x, at))  # type: ignore[attr-defined]


def test_the_penalty_grows_when_covariates_say_nothing() -> None:
    rng = np.random.default_rng(4)
    time, event, x = people(200)
    noise = rng.normal(size=(200, 25))
    names = {f"n{i}": f"n{i}" for i in range(25)}
    empty = Cohort(time, event, noise, tuple(names), {})
    telling = Cohort(time, event, x, ("a", "b", "c"), {})
    spec = FitSpec("m", "1", "t", "e", names, 10, penalty="cv")
    assert choose(spec, empty, noise, rng)[0] >= 100
    assert choose(spec, telling, x, rng)[0] <= 10


def test_somebody_drawn_twice_is_on_one_side_when_the_penalty_is_chosen() -> None:
    rng = np.random.default_rng(4)
    time, event, _ = people(200)
    noise = rng.normal(size=(200, 25))
    names = {f"n{i}": f"n{i}" for i in range(25)}
    spec = FitSpec("m", "1", "t", "e", names, 10, penalty="cv")
    together, apart = [], []
    for _ in range(10):
        drawn = Cohort(time, event, noise, tuple(names), {}).draw(rng)
        together.append(choose(spec, drawn, drawn.x, rng)[0])
        apart.append(choose(spec, replace(drawn, identity=None), drawn.x, rng)[0])
    assert np.mean(together) > 2 * np.mean(apart)  # what leaks looks like knowledge


def test_coefficients_are_shrunk_until_they_hold_in_others() -> None:
    """One covariate says much and twenty nothing: a ridge that silences these leaves the scores too far apart."""
    rng = np.random.default_rng(1)

    def draw(n: int) -> Cohort:
        x = rng.normal(size=(n, 21))
        died, censored = rng.exponential(20 / np.exp(1.2 * x[:, 0])), rng.uniform(1, 30, n)
        return Cohort(np.minimum(died, censored), died <= censored, x, tuple(names), {})

    names = {f"n{i}": f"n{i}" for i in range(21)}
    spec = FitSpec("m", "1", "t", "e", names, 10, penalty="cv")
    others = draw(3000)
    risk, slopes = Risk(others.time, others.event), []
    for _ in range(10):
        model = fit(spec, draw(200), rng)
        assert isinstance(model, Cox)
        slope = solve(risk, model.score(others.x)[:, None]).beta[0]
        slopes.append([slope, slope * model.shrinkage])
    shrunk, before = np.abs(np.array(slopes) - 1).mean(axis=0)
    assert shrunk < before


def test_bootstrap_finds_the_optimism_of_noise_and_repeats_with_the_seed() -> None:
    rng = np.random.default_rng(6)
    time, event, _ = people(250)
    noise = rng.normal(size=(250, 20))
    names = {f"n{i}": f"n{i}" for i in range(20)}
    spec = FitSpec("m", "1", "t", "e", names, 10, bootstrap=40)
    cohort = Cohort(time, event, noise, tuple(names), {})
    found = validate(spec, cohort)
    assert found["c_index_apparent"] > 0.58
    assert found["c_index"] == pytest.approx(0.5, abs=0.05)  # there is nothing to find
    assert found["calibration_slope"] < 0.5
    apparent = found["apparent"] | {"c_index_ci": [0.0, 1.0]}
    assert bootstrap(spec, cohort, apparent)["optimism"] == found["optimism"]


def test_groups_and_decision_curves_are_told() -> None:
    time, event, x = people(1500)
    table = frame(time, event.astype(int), x).assign(sex=np.where(np.arange(1500) % 3, "men", "women"))
    spec = FitSpec("m", "1", "t", "e", {"a": "a", "b": "b"}, 10, subgroups={"sex": "sex"}, bootstrap=2)
    found = validate(spec, prepare(spec, table))
    assert [(g["value"], g["n"]) for g in found["subgroups"]] == [("men", 1000), ("women", 500)]
    assert all(0.5 < g["c_index"] < 0.8 for g in found["subgroups"])
    curve = {one["threshold"]: one for one in found["decision_curve"]}
    assert curve[0.2]["net_benefit"] >= curve[0.2]["treat_all"] - 0.01
    assert found["calibration_curve"][0]["predicted"] < found["calibration_curve"][-1]["predicted"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_people_who_are_alike_have_the_very_same_score(order: Literal["C", "F"]) -> None:
    """A matrix product tells some of them apart by a rounding, on some processors."""
    rng = np.random.default_rng(0)
    for columns in (3, 5, 9, 17):
        x = np.asarray(np.repeat(rng.normal(size=(7, columns)), 431, axis=0), order=order)
        assert len(np.unique(linear(x, rng.normal(size=columns)))) == 7
