"""What would lower a risk: computed by the equation itself, only where it does."""

from __future__ import annotations

import pandas as pd
import pytest

from models.change import changes
from models.scoring import score
from models.spec import find

PERSON = {
    "age_years": 60, "sex": "male", "sbp_mm_hg": 160, "bp_medication": 0, "total_cholesterol_mmol_l": 6.2,
    "hdl_cholesterol_mmol_l": 1.2, "waist_cm": 90, "smoker": 1, "diabetes": 0, "north": 0, "urban": 1,
    "family_history_cvd": 0,
}  # fmt: skip
SPEC = find("china_par")


def of(*people: dict[str, object]) -> pd.DataFrame:
    table = pd.DataFrame([PERSON | person for person in people])
    return changes(SPEC, table, score(SPEC, table))


def test_each_target_alone_and_all_together() -> None:
    found = of({}).set_index("input")
    assert list(found.index) == ["sbp_mm_hg", "total_cholesterol_mg_dl", "smoker", "all"]
    then = score(SPEC, pd.DataFrame([PERSON | {"sbp_mm_hg": 130}]))["risk"][0]
    assert found.loc["sbp_mm_hg", "value"] == pytest.approx(then)
    assert found.loc["sbp_mm_hg", "target"] == 130
    assert (found["value"] < found["risk"]).all()
    assert found.loc["all", "value"] == found["value"].min()


def test_nothing_is_said_to_whom_it_does_not_apply() -> None:
    assert of({"sbp_mm_hg": 118, "total_cholesterol_mmol_l": 4.5, "smoker": 0}).empty
    assert of({"age_years": 80}).empty
    rows = of({"smoker": 0}, {"age_years": 90}, {"smoker": None}, {})["row"]
    assert set(rows) == {0, 3}


def test_the_row_is_the_place_in_the_table_whatever_its_index() -> None:
    table = pd.DataFrame([PERSON | {"age_years": 90}, PERSON], index=[7, 7])
    assert set(changes(SPEC, table, score(SPEC, table))["row"]) == {1}
