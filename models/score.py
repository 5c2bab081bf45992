"""``python -m models.score``: score everybody in ``marts.fct_risk_features`` with every model, into ``risk.score``."""

from __future__ import annotations

import argparse
import json
import time
import uuid
from typing import Any

import adbc_driver_manager
import numpy as np
import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from models.command import run
from models.list import describe
from models.scoring import score
from models.spec import Input, Spec, every
from wellhouse import db
from wellhouse.errors import WellhouseError

ROLE = "wh_model"
KEYS = ["person_key", "site", "exam_key", "exam_date"]
TYPES = {"quantity": "double precision", "flag": "int::double precision", "sex": "text"}

REGISTER = """
insert into risk.model (model, version, kind, source, card)
select model, version, kind, source, card::jsonb from pg_temp.incoming_model
on conflict (model, version) do update set kind = excluded.kind, source = excluded.source, card = excluded.card
where (risk.model.kind, risk.model.source, risk.model.card) is distinct from (excluded.kind, excluded.source, excluded.card)
"""  # noqa: E501
# What has not changed is not written again, so a second run costs two joins and leaves every row as it was.
WITHDRAW = """
delete from risk.score s using pg_temp.incoming_model m
where (s.model, s.version) = (m.model, m.version) and not exists (
    select from pg_temp.incoming i
    where (i.person_key, i.exam_key, i.model, i.version, i.output)
        = (s.person_key, s.exam_key, s.model, s.version, s.output)
      and (i.site, i.exam_date, i.value, i.unit, i.category, i.eligible, i.reason_en, i.reason_zh)
        is not distinct from (s.site, s.exam_date, s.value, s.unit, s.category, s.eligible, s.reason_en, s.reason_zh)
      and string_to_array(i.missing, ';') = s.missing
)
"""
ADD = """
insert into risk.score (person_key, site, exam_key, exam_date, model, version, output, value, unit, category, eligible,
                        reason_en, reason_zh, missing, run_id)
select person_key, site, exam_key, exam_date, model, version, output, value, unit, category, eligible,
       reason_en, reason_zh, string_to_array(missing, ';'), run_id
from pg_temp.incoming i
where not exists (
    select from risk.score s
    where (s.person_key, s.exam_key, s.model, s.version, s.output)
        = (i.person_key, i.exam_key, i.model, i.version, i.output)
)
order by person_key, exam_key, model
"""


def score_everybody(run_id: str) -> dict[str, Any]:
    """Replace the scores of every model's present version, in one transaction; a failure leaves the old ones.

    :returns: counts of people, and of scored and eligible rows by model
    :raises WellhouseError: the features are not there, or the database refuses.
    """
    specs = every()
    try:
        with dbapi.connect(db.url(ROLE)) as connection, connection.cursor() as cursor:
            cursor.execute(f"select {', '.join(KEYS + _features(specs))} from marts.fct_risk_features")  # noqa: S608
            features = cursor.fetch_arrow_table().to_pandas()
            scored = [_rows(spec, features, run_id) for spec in specs]
            cursor.adbc_ingest("incoming_model", _models(specs), mode="create", temporary=True)
            cursor.adbc_ingest("incoming", pa.concat_tables(scored), mode="create", temporary=True)
            for statement in ("analyze pg_temp.incoming", REGISTER, WITHDRAW, ADD):
                cursor.execute(statement)
            connection.commit()
    except adbc_driver_manager.Error as error:
        raise WellhouseError(_explain(error)) from None
    counts = {s.model: int(np.sum(t["eligible"].to_numpy())) for s, t in zip(specs, scored, strict=True)}
    return {"run_id": run_id, "people": len(features), "models": len(specs), "eligible": counts}


def _features(specs: list[Spec]) -> list[str]:
    """The mart's columns, cast to what the equations take; an optional input that the mart lacks is left out."""
    columns = {_mart_column(entry): TYPES[entry.kind] for spec in specs for entry in spec.inputs}
    computed = {derived.input for spec in specs for derived in spec.derived}
    return [f"{name}::{kind} as {name}" for name, kind in columns.items() if name not in computed]


def _mart_column(entry: Input) -> str:
    return entry.alternative.column if entry.alternative else entry.name


def _rows(spec: Spec, features: pd.DataFrame, run_id: str) -> pa.Table:
    scores = score(spec, features)
    text = {name: pa.array(scores[name], pa.string()) for name in ("reason", "reason_zh", "missing", "category")}
    constant = {"model": spec.model, "version": spec.version, "output": spec.output.name, "unit": spec.output.unit}
    return pa.table(
        {
            "person_key": pa.array(features["person_key"], pa.int64()),
            "site": pa.array(features["site"], pa.string()),
            "exam_key": pa.array(features["exam_key"], pa.int64()),
            "exam_date": pa.array(features["exam_date"], pa.date32()),
            "value": pa.array(scores[spec.output.name], pa.float64(), from_pandas=True),
            "eligible": pa.array(scores["eligible"], pa.bool_()),
            "reason_en": _null_when_empty(text["reason"]),
            "reason_zh": _null_when_empty(text["reason_zh"]),
            "category": _null_when_empty(text["category"]),
            "missing": text["missing"],
            **{name: pa.repeat(value, len(features)) for name, value in (constant | {"run_id": run_id}).items()},
        }
    )


def _null_when_empty(values: pa.Array) -> pa.Array:
    return pa.compute.if_else(pa.compute.equal(values, ""), None, values)


def _models(specs: list[Spec]) -> pa.Table:
    cards = [describe(spec) | {"card": (spec.folder / "CARD.md").read_text(encoding="utf-8")} for spec in specs]
    return pa.table(
        {
            **{key: [card[key] for card in cards] for key in ("model", "version", "kind", "source")},
            "card": [json.dumps(card, ensure_ascii=False) for card in cards],
        }
    )


def _explain(error: adbc_driver_manager.Error) -> str:
    """One line, without what the server says of rows."""
    if "fct_risk_features" in str(error) and "does not exist" in str(error):
        return "marts.fct_risk_features is not there: run wellhouse dbt build --selector before_scoring"
    lines = [line for line in str(error).splitlines() if line.strip() and "DETAIL" not in line]
    return f"scoring failed, the old scores stand: {lines[0] if lines else type(error).__name__}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.score", description="score everybody with every model")
    parser.add_argument("--run-id", default=None, help="written beside each score; default: a new one")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    start = time.perf_counter()
    counts = score_everybody(arguments.run_id or uuid.uuid4().hex)
    counts["seconds"] = round(time.perf_counter() - start, 3)
    if arguments.json:
        print(json.dumps(counts))
        return
    eligible = ", ".join(f"{model} {count}" for model, count in counts["eligible"].items())
    print(f"{counts['people']} people scored in {counts['seconds']} s; eligible: {eligible}")


if __name__ == "__main__":
    run(main)
