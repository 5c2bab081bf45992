"""An equation fitted to the centre's people, and inputs that are no longer those of before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.drift import psi, reference, watch
from models.recalibrate import Recalibration, recalibrate, versions
from models.scoring import score
from models.spec import find
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WELLHOUSE_VAR", str(tmp_path / "var"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def followed(n: int = 20000) -> pd.DataFrame:
    """People whose true hazard is half of what the equation says, and falls less steeply with it."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"age_years": rng.integers(35, 74, n), "sex": rng.choice(["male", "female"], n),
         "sbp_mm_hg": rng.normal(135, 18, n), "bp_medication": 0, "smoker": rng.integers(0, 2, n), "diabetes": 0,
         "total_cholesterol_mg_dl": rng.normal(210, 30, n), "hdl_cholesterol_mg_dl": rng.normal(50, 8, n)}
    )  # fmt: skip
    risk = score(find("framingham_2008"), table)["risk"].to_numpy()
    hazard = np.exp(np.log(0.5) + 0.8 * np.log(-np.log1p(-risk))) / 3652
    died, censored = rng.exponential(1 / hazard), rng.uniform(2000, 6000, n)
    return table.assign(days=np.minimum(died, censored), event=(died <= censored).astype(int))


def test_intercept_and_slope_are_found_and_stored_as_a_version(elsewhere: Path) -> None:
    followed().to_csv(elsewhere / "people.csv", index=False)
    found = recalibrate("framingham_2008", elsewhere / "people.csv", "days", "event", 3652)
    assert found["slope"] == pytest.approx(0.8, abs=0.08)
    assert found["intercept"] == pytest.approx(np.log(0.5), abs=0.2)
    assert abs(found["predicted_before"] - found["observed_risk"]) > 0.02
    assert found["predicted_after"] == pytest.approx(found["observed_risk"], abs=0.005)
    published, own = versions(find("framingham_2008"))
    assert (published[0].version, published[1]) == ("1", None)
    assert own[0].version == found["version"]
    assert own[1] == Recalibration(found["intercept"], found["slope"])
    assert versions(find("china_par")) == [(find("china_par"), None)]


def test_recalibration_keeps_order_and_what_is_missing() -> None:
    risk = np.array([0.01, 0.1, np.nan, 0.9])
    changed = Recalibration(-0.5, 0.8).apply(risk)
    assert np.isnan(changed[2])
    assert (np.diff(changed[[0, 1, 3]]) > 0).all()
    np.testing.assert_allclose(Recalibration(0.0, 1.0).apply(risk), risk)


def test_few_events_are_refused(elsewhere: Path) -> None:
    followed(300).to_csv(elsewhere / "few.csv", index=False)
    with pytest.raises(WellhouseError, match="too few"):
        recalibrate("framingham_2008", elsewhere / "few.csv", "days", "event", 3652)


def test_a_shift_of_inputs_is_measured_and_alerted(elsewhere: Path) -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(130, 15, 5000)
    kept = reference(before)
    assert kept is not None
    assert psi(kept, rng.normal(130, 15, 5000)) < 0.02
    assert psi(kept, rng.normal(145, 15, 5000)) > 0.25
    assert psi(kept, np.where(rng.random(5000) < 0.5, np.nan, before)) > 0.25
    assert reference(before[:50]) is None
    looked = [
        watch(pd.DataFrame(columns), "run").to_pylist()
        for columns in (
            {"sbp_mm_hg": before, "person_key": range(5000)},
            {"sbp_mm_hg": before},
            {"sbp_mm_hg": before + 20},
        )
    ]
    assert [[(row["name"], row["value"] > 0.25, row["shifted"]) for row in rows] for rows in looked] == [
        [], [("sbp_mm_hg", False, False)], [("sbp_mm_hg", True, True)],
    ]  # fmt: skip
    assert "ALERT inputs of the risk models shifted (PSI): sbp_mm_hg" in (settings().logs / "alerts.log").read_text()
    held = json.loads((settings().var / "models" / "drift_reference.json").read_text())
    assert set(held) == {"sbp_mm_hg"}
