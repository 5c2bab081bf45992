"""``python -m models.score``: from the mart's features to ``risk.score``, in a database of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from models.score import score_everybody
from models.spec import Spec, every
from wellhouse import db
from wellhouse.ops import bootstrap
from wellhouse.settings import PROJECT_ROOT, Settings, settings

FEATURES = """
create table marts.fct_risk_features as
select 1099511627776 + i as person_key, 'hz' as site, i::bigint as exam_key, date '2024-03-05' as exam_date,
    (30 + i % 50)::int as age_years, case when i % 2 = 0 then 'male' else 'female' end as sex, 130.0 as sbp_mm_hg,
    80.0 as dbp_mm_hg, 5.2::numeric as total_cholesterol_mmol_l, 1.3 as hdl_cholesterol_mmol_l, 24.2 as bmi_kg_m2,
    case when i % 10 <> 0 then 80.0 end as creatinine_umol_l, 30.0 as ast_u_l, 25.0 as alt_u_l,
    220.0 as platelets_10_9_l, 5.5 as hba1c_percent, 5.1 as fasting_glucose_mmol_l, i % 3 = 0 as smoker,
    false as diabetes, false as bp_medication, false as statin, null::boolean as cvd_history, true as is_latest
from generate_series(1, 1000) as i
union all
select 1099511627776 + i, 'hz', 1000000 + i::bigint, date '2022-03-01', (28 + i % 50)::int,
    case when i % 2 = 0 then 'male' else 'female' end, 120.0, 80.0, 5.0, 1.3, 24.2, 80.0, 30.0, 25.0, 220.0, 5.5, 5.1,
    false, false, false, false, null, false
from generate_series(1, 100) as i
"""
OUTCOMES = """
create table marts.fct_outcome_event as
select 1099511627776 + i as person_key, 'hz' as site, 'cvd' as event_code, date '2022-03-01' as origin_date,
    1000 as time_days, i % 2 = 0 as observed
from generate_series(5, 45) as i
"""


@pytest.fixture(scope="module")
def warehouse(stack: Settings) -> Iterator[Settings]:
    """A database beside the session's, with the features of 1,000 made-up people."""
    apart = stack.model_copy(update={"database": "scoring"})
    bootstrap.ensure(apart)
    with db.connect("wh_transform", apart) as connection:
        for table, made in (("fct_risk_features", FEATURES), ("fct_outcome_event", OUTCOMES)):
            connection.execute(made)
            connection.execute(f"grant select on marts.{table} to wh_model")
    yield apart
    with bootstrap.administrator(stack) as server:
        server.execute("drop database scoring with (force)")


def score(warehouse: Settings) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models.score", "--json"]
    environment = os.environ | {"WELLHOUSE_DATABASE": warehouse.database}
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, text=True, capture_output=True, check=False)


def daily() -> list[Spec]:
    return [spec for spec in every() if spec.daily]


def rows(warehouse: Settings, query: str) -> list[Any]:
    with db.connect("wh_model", warehouse) as connection:
        return connection.execute(query).fetchall()


def test_everybody_gets_a_number_or_a_reason_from_every_model(warehouse: Settings) -> None:
    done = score(warehouse)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["people"] == 1000
    models = dict(rows(warehouse, "select model, kind from risk.model"))
    assert models == {spec.model: spec.kind for spec in daily()}
    expected = {spec.model: 1000 * len(spec.outputs) + 100 * spec.yearly for spec in daily()}
    assert dict(rows(warehouse, "select model, count(*) from risk.score group by model")) == expected
    reasoned = "eligible = (reason_en is null) and eligible = (reason_zh is null) and (eligible or category is null)"
    assert rows(warehouse, f"select bool_and({reasoned}) from risk.score") == [(True,)]  # noqa: S608


def test_units_of_the_mart_become_those_of_the_equation(warehouse: Settings) -> None:
    # a man of 52: creatinine 80 umol/L = 0.905 mg/dL, 142 * (0.905/0.9)^-1.2 * 0.9938^52
    (value, unit, category), *_ = rows(
        warehouse, "select value, unit, category from risk.score where model = 'ckd_epi_2021' and exam_key = 22"
    )
    assert (round(value, 2), unit, category) == (102.08, "mL/min/{1.73_m2}", "G1")


def test_what_is_missing_is_named(warehouse: Settings) -> None:
    found = rows(
        warehouse,
        "select distinct model, missing, reason_zh from risk.score where exam_key = 10 and missing <> '{}'"
        " and model in ('ckd_epi_2021', 'prevent_base_10y', 'china_par') order by model",
    )
    assert found == [
        ("china_par", ["waist_cm", "north", "urban", "family_history_cvd"],
         "缺少腰围；缺少居住在长江以北；缺少居住在城市；缺少心血管病家族史"),
        ("ckd_epi_2021", ["creatinine_mg_dl"], "缺少血肌酐"),
        ("prevent_base_10y", ["egfr", "creatinine_mg_dl"], "缺少估算肾小球滤过率或血肌酐"),
    ]  # fmt: skip


def test_again_changes_nothing_and_a_change_is_followed(warehouse: Settings) -> None:
    written = "select s::text, xmin::text from risk.scoring s order by person_key, exam_key"
    before = rows(warehouse, written)
    said = "select model, output, value, category, reason_en from risk.score where exam_key = 22 order by model, output"
    of_22 = rows(warehouse, said)
    assert score(warehouse).returncode == 0
    assert rows(warehouse, written) == before
    with db.connect("wh_transform", warehouse) as connection:
        connection.execute("delete from marts.fct_risk_features where exam_key = 1")
        connection.execute("update marts.fct_risk_features set sbp_mm_hg = 150 where exam_key = 22")
    assert score(warehouse).returncode == 0
    after = rows(warehouse, written)
    assert len(before) - len(after) == 1  # one exam is gone
    assert len(set(after) - set(before)) == 1  # and one written again
    changed = {row[0] for row in set(rows(warehouse, said)) - set(of_22)}
    assert {"prevent_base_10y", "framingham_cvd"} <= changed  # whoever takes the pressure of the other
    assert not {"ckd_epi_2021", "fib_4"} & changed


def test_a_failed_run_leaves_yesterday_s_scores(warehouse: Settings) -> None:
    before = rows(warehouse, "select count(*), max(scored_at) from risk.scoring")
    with bootstrap.administrator(warehouse, warehouse.database) as server:
        server.execute("alter table risk.scoring add constraint broken check (exam_key <> 22) not valid")
        server.execute("update marts.fct_risk_features set sbp_mm_hg = 151 where exam_key = 22")
        try:
            done = score(warehouse)
        finally:
            server.execute("alter table risk.scoring drop constraint broken")
    assert done.returncode == 1
    assert done.stderr.startswith("wellhouse: scoring failed, the old scores stand")
    assert done.stderr.count("\n") == 1
    assert rows(warehouse, "select count(*), max(scored_at) from risk.scoring") == before


def test_earlier_years_are_scored_by_the_models_that_are_followed(warehouse: Settings) -> None:
    models = rows(warehouse, "select distinct model, output from risk.score where exam_date < '2023-01-01' order by 1")
    assert models == [("china_par", "risk"), ("ckd_epi_2021", "egfr"), ("prevent_base_10y", "risk_cvd")]
    assert rows(warehouse, "select count(*) from risk.scoring where exam_date < '2023-01-01'") == [(100,)]
    assert rows(warehouse, "select count(*) from risk.change where exam_date < '2023-01-01'") == [(0,)]


def test_every_run_says_whether_the_people_are_those_of_before_and_what_came_true(warehouse: Settings) -> None:
    done = score(warehouse)
    assert done.returncode == 0, done.stderr
    every_run = rows(
        warehouse,
        "select run_id, name, value, people, shifted from risk.drift where measure = 'calibration_intercept'",
    )
    found = {row[1]: row[2:] for row in every_run if row[0] == json.loads(done.stdout)["run_id"]}
    followed = {spec.model for spec in daily() if spec.followed}
    assert found.keys() == followed - {"china_par"}  # which nobody here has every input of
    (people, expected, observed), *_ = rows(
        warehouse,
        "select count(*), sum(-ln(1 - value) * 1000 / 3652), count(*) filter (where person_key % 2 = 0)"
        " from risk.score where model = 'prevent_base_10y' and output = 'risk_cvd' and eligible"
        " and exam_date < '2023-01-01' and exam_key between 1000005 and 1000045",
    )
    value, *rest = found["prevent_base_10y"]
    assert value == pytest.approx(math.log((observed + 0.5) / (expected + 0.5)), abs=1e-6)
    assert rest == [people, True]  # half of them within three years is more than any equation says
    alert = (warehouse.logs / "alerts.log").read_text().splitlines()[-1]
    assert "risk models are off in the large" in alert
    assert "prevent_base_10y" in alert
    # against whom was scored first in this session: these people, or those of the sample
    psi = rows(
        warehouse,
        "select count(*), bool_and(shifted = (value >= 0.25)) from risk.drift where measure = 'psi' group by run_id",
    )
    assert all(count > 10 for count, _ in psi)
    assert all(judged for _, judged in psi)


def test_parts_are_scored_one_after_the_other(warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "select exam_key, model, output, round(value::numeric, 9), category, reason_en from risk.score order by 1, 2, 3"
    )
    before = rows(warehouse, said)
    monkeypatch.setenv("WELLHOUSE_DATABASE", warehouse.database)
    monkeypatch.setattr("models.score.PART", 70)
    settings.cache_clear()
    try:
        assert score_everybody("parts")["people"] == 999
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert rows(warehouse, said) == before
    (people,) = rows(warehouse, "select distinct people from risk.drift where run_id = 'parts' and measure = 'psi'")
    assert people == (70,)


def test_without_features_it_says_what_to_run(warehouse: Settings) -> None:
    with db.connect("wh_transform", warehouse) as connection:
        connection.execute("alter table marts.fct_risk_features rename to elsewhere")
    try:
        done = score(warehouse)
    finally:
        with db.connect("wh_transform", warehouse) as connection:
            connection.execute("alter table marts.elsewhere rename to fct_risk_features")
    assert done.returncode == 1
    assert "run wellhouse dbt build --selector before_scoring" in done.stderr
