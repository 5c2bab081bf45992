"""What is fitted at run time lives under ``var``, and counts only if it is better."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models import registry
from models.refit import freeze, refit
from models.survival.cohort import prepare
from models.survival.spec import load
from wellhouse.settings import PROJECT_ROOT, settings

MODEL = "framingham_cvd"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WELLHOUSE_VAR", str(tmp_path / "var"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_the_same_data_is_not_fitted_twice_and_no_tracked_file_changes(shared_data: Path, elsewhere: Path) -> None:
    before = subprocess.check_output(["git", "status", "--porcelain", "models"], cwd=PROJECT_ROOT)
    entry = refit(MODEL, shared_data / "survival" / "framingham_teaching.csv.gz")
    assert entry["unchanged"]
    assert subprocess.check_output(["git", "status", "--porcelain", "models"], cwd=PROJECT_ROOT) == before


def test_without_the_data_nothing_is_fitted(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load(PROJECT_ROOT / "models" / MODEL / "spec.yml")
    monkeypatch.setattr("models.refit.load", lambda _: replace(spec, data="nowhere.csv"))
    assert refit(MODEL) == {"version": "2", "unchanged": True, "reason": "the data that the spec names is not here"}


def test_worse_is_kept_with_an_alert_and_better_is_promoted(
    shared_data: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.refit.validate", lambda *_, **__: {"c_index": 0.0})
    monkeypatch.setattr("models.refit.card.write", lambda *_: None)
    table = pd.read_csv(shared_data / "survival" / "framingham_teaching.csv.gz")
    shipped = PROJECT_ROOT / "models" / MODEL / "coefficients" / "v2.json"
    monkeypatch.setattr("models.refit.measure", _measures([0.60, 0.75]))
    table.assign(BMI=table["BMI"] + 0.01).to_csv(elsewhere / "again.csv", index=False)
    entry = refit(MODEL, elsewhere / "again.csv")
    assert not entry["promoted"]
    assert "not promoted: not better" in (settings().logs / "alerts.log").read_text()
    monkeypatch.setattr("models.refit.measure", _measures([0.80, 0.75]))
    table.assign(BMI=table["BMI"] + 0.02).to_csv(elsewhere / "better.csv", index=False)
    entry = refit(MODEL, elsewhere / "better.csv")
    assert entry["promoted"]
    current = registry.coefficients(MODEL, shipped)
    assert current == registry.folder(MODEL) / f"v{entry['version']}" / "coefficients.json"
    assert json.loads(current.read_text())["version"] == entry["version"] == "2.2"


def _measures(scores: list[float]) -> object:
    """What the challenger and the current version reach, in this order."""
    left = iter(scores)
    rest = {"calibration_slope": 1.0, "calibration_intercept": 0.0, "ici": 0.01, "brier": 0.06}
    return lambda *_: {"c_index": next(left), **rest}


def test_the_frozen_set_stays_as_people_are_added(shared_data: Path) -> None:
    spec = load(PROJECT_ROOT / "models" / MODEL / "spec.yml")
    table = pd.read_csv(shared_data / "survival" / "framingham_teaching.csv.gz")
    few, many = prepare(spec, table.head(3000)), prepare(spec, table)
    np.testing.assert_array_equal(freeze(few), freeze(many)[: len(few)])
    assert 0.15 < freeze(many).mean() < 0.25
