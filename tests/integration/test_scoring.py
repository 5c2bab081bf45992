"""``python -m models.score``: from the mart's features to ``risk.score``, in a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from models.spec import Spec, every
from wellhouse import db
from wellhouse.ops import bootstrap
from wellhouse.settings import PROJECT_ROOT, Settings

FEATURES = """
create table marts.fct_risk_features as
select 1099511627776 + i as person_key, 'hz' as site, i::bigint as exam_key, date '2024-03-05' as exam_date,
    (30 + i % 50)::int as age_years, case when i % 2 = 0 then 'male' else 'female' end as sex, 130.0 as sbp_mm_hg,
    80.0 as dbp_mm_hg, 5.2::numeric as total_cholesterol_mmol_l, 1.3 as hdl_cholesterol_mmol_l, 24.2 as bmi_kg_m2,
    case when i % 10 <> 0 then 80.0 end as creatinine_umol_l, 30.0 as ast_u_l, 25.0 as alt_u_l,
    220.0 as platelets_10_9_l, 5.5 as hba1c_percent, 5.1 as fasting_glucose_mmol_l, i % 3 = 0 as smoker,
    false as diabetes, false as bp_medication, false as statin, null::boolean as cvd_history
from generate_series(1, 1000) as i
"""


@pytest.fixture(scope="module")
def warehouse(stack: Settings) -> Iterator[Settings]:
    """A database beside the session's, with the features of 1,000 made-up people."""
    apart = stack.model_copy(update={"database": "scoring"})
    bootstrap.ensure(apart)
    with db.connect("wh_transform", apart) as connection:
        connection.execute(FEATURES)
        connection.execute("grant select on marts.fct_risk_features to wh_model")
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
    expected = {spec.model: 1000 * len(spec.outputs) for spec in daily()}
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
    everything = "select s::text, xmin::text from risk.score s order by person_key, model, output"
    before = rows(warehouse, everything)
    of_22 = "select s::text, xmin::text from risk.score s where exam_key <> 1 order by person_key, model, output"
    others = rows(warehouse, of_22)
    assert score(warehouse).returncode == 0
    assert rows(warehouse, everything) == before
    with db.connect("wh_transform", warehouse) as connection:
        connection.execute("delete from marts.fct_risk_features where exam_key = 1")
        connection.execute("update marts.fct_risk_features set sbp_mm_hg = 150 where exam_key = 22")
    assert score(warehouse).returncode == 0
    after = rows(warehouse, everything)
    outputs = sum(len(spec.outputs) for spec in daily())
    assert len(before) - len(after) == outputs  # one person is gone
    changed = {str(row[0]).split(",")[4] for row in set(rows(warehouse, of_22)) - set(others)}
    assert {"prevent_base_10y", "framingham_cvd"} <= changed  # whoever takes the pressure of the other
    assert not {"ckd_epi_2021", "fib_4"} & changed


def test_a_failed_run_leaves_yesterday_s_scores(warehouse: Settings) -> None:
    before = rows(warehouse, "select count(*), max(scored_at) from risk.score")
    with bootstrap.administrator(warehouse, warehouse.database) as server:
        server.execute("alter table risk.score add constraint broken check (model <> 'prevent_base_10y') not valid")
        server.execute("update marts.fct_risk_features set sbp_mm_hg = 151 where exam_key = 22")
        try:
            done = score(warehouse)
        finally:
            server.execute("alter table risk.score drop constraint broken")
    assert done.returncode == 1
    assert done.stderr.startswith("wellhouse: scoring failed, the old scores stand")
    assert done.stderr.count("\n") == 1
    assert rows(warehouse, "select count(*), max(scored_at) from risk.score") == before


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
