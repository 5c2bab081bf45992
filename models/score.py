"""``python -m models.score``: score everybody in ``marts.fct_risk_features`` with every model, into ``risk.scoring``.

The latest exam with all of them; the last exam of each earlier year with those whose bands are followed over the years.
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import adbc_driver_manager
import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from models import drift, registry
from models.change import changes
from models.command import run
from models.list import describe
from models.recalibrate import Recalibration, recalibrated, versions
from models.scoring import score
from models.spec import Input, Spec, every
from models.stored import Scored, Store
from wellhouse import db
from wellhouse.errors import WellhouseError

ROLE = "wh_model"
KEYS = ["person_key", "site", "exam_key", "exam_date"]
PART = 100_000
"""Rows read at a time: memory does not grow with their number."""
TYPES = {"quantity": "double precision", "points": "double precision", "flag": "int::double precision", "sex": "text",
         "choice": "text"}  # fmt: skip

REGISTER = """
insert into risk.model (model, version, kind, source, card)
select model, version, kind, source, card::jsonb from pg_temp.incoming_model
on conflict (model, version) do update set kind = excluded.kind, source = excluded.source, card = excluded.card
where (risk.model.kind, risk.model.source, risk.model.card) is distinct from (excluded.kind, excluded.source, excluded.card)
"""  # noqa: E501
COLUMNS = """
select column_name from information_schema.columns where table_schema = 'marts' and table_name = 'fct_risk_features'
"""
LAYOUT = """
insert into risk.layout (layout_id, place, model, version, output, unit)
select layout_id, place, model, version, output, unit from pg_temp.incoming_layout on conflict do nothing
"""
VERDICT = """
insert into risk.verdict (verdict_id, eligible, category, reason_en, reason_zh, missing)
select verdict_id, eligible, nullif(category, ''), nullif(reason_en, ''), nullif(reason_zh, ''),
       string_to_array(missing, ';')
from pg_temp.incoming_verdict on conflict do nothing
"""
# What has not changed is not written again, so a second run costs two joins and leaves every row as it was.
WITHDRAW = """
delete from risk.scoring s where not exists (
    select from pg_temp.incoming i
    where (i.person_key, i.exam_key) = (s.person_key, s.exam_key)
      and (i.site, i.exam_date, i.layout_id, i.value, i.verdict_id)
        is not distinct from (s.site, s.exam_date, s.layout_id, s.value, s.verdict_id)
)
"""
ADD = """
insert into risk.scoring (person_key, site, exam_key, exam_date, layout_id, value, verdict_id, run_id)
select person_key, site, exam_key, exam_date, layout_id, value, verdict_id, run_id
from pg_temp.incoming i
where not exists (
    select from risk.scoring s where (s.person_key, s.exam_key) = (i.person_key, i.exam_key)
)
"""
WITHDRAW_CHANGE = """
delete from risk.change c using pg_temp.incoming_model m
where (c.model, c.version) = (m.model, m.version) and not exists (
    select from pg_temp.incoming_change i
    where (i.person_key, i.exam_key, i.model, i.version, i.input)
        = (c.person_key, c.exam_key, c.model, c.version, c.input)
      and (i.site, i.exam_date, i.target, i.value, i.risk)
        is not distinct from (c.site, c.exam_date, c.target, c.value, c.risk)
)
"""
ADD_CHANGE = """
insert into risk.change (person_key, site, exam_key, exam_date, model, version, input, target, value, risk)
select person_key, site, exam_key, exam_date, model, version, input, target, value, risk
from pg_temp.incoming_change
on conflict do nothing
"""
CHANGING = ("china_par", "prevent_base_10y")
"""Whose risk is explained on the person's card."""


def score_everybody(run_id: str) -> dict[str, Any]:
    """Replace the scores of every model's present version, in one transaction; a failure leaves the old ones.

    :returns: counts of people, and of scored and eligible rows by model
    :raises WellhouseError: the features are not there, or the database refuses.
    """
    specs = [replace(spec, version=registry.version(spec)) for spec in every() if spec.daily]
    centre = {own.model: (own, how) for spec in specs for own, how in versions(spec) if how is not None}
    people, counts = 0, dict.fromkeys((spec.model for spec in specs), 0)
    store = Store()
    try:
        with (
            dbapi.connect(db.url(ROLE)) as reading,
            dbapi.connect(db.url(ROLE)) as writing,
            reading.cursor() as source,
            writing.cursor() as target,
            ThreadPoolExecutor(1) as writer,  # one part is written while the next is scored
        ):
            written: Future[None] | None = None
            # whether the people are still those of before: as many of them as one part, wherever their rows lie
            some = f"is_latest order by hashint8(person_key), person_key limit {PART}"
            watched = [("incoming_drift", drift.watch(part, run_id)) for part in _features(source, specs, some)]
            for part in _features(source, specs, "is_latest"):
                made, watched = watched, []
                people += len(part)
                scored = [Scored(spec, spec.outputs, score(spec, part)) for spec in specs]
                for one in scored:
                    counts[one.spec.model] += int(one.scores["eligible"].sum())
                    if one.spec.model in CHANGING:
                        made.append(("incoming_change", _changes(one.spec, part, one.scores)))
                own = [_own(*centre[one.spec.model], one, part) for one in scored if one.spec.model in centre]
                made.append(("incoming", store.rows(part, [*scored, *own], run_id)))
                written = _later(writer, written, target, made)
            for part in _features(source, specs, "not is_latest"):
                scored = [Scored(spec, spec.outputs[:1], score(spec, part)) for spec in specs if spec.yearly]
                written = _later(writer, written, target, [("incoming", store.rows(part, scored, run_id))])
            if written:
                written.result()
                models = _models([*specs, *(own for own, _ in centre.values())])
                dictionaries = [("incoming_layout", store.layout_table()), ("incoming_verdict", store.verdict_table())]
                _put(target, [("incoming_model", models), *dictionaries])
                target.execute("analyze pg_temp.incoming (person_key, exam_key)")
                target.execute(drift.CLEAR, (run_id,))
                for statement in (REGISTER, LAYOUT, VERDICT, WITHDRAW, ADD, WITHDRAW_CHANGE, ADD_CHANGE, drift.ADD):
                    target.execute(statement)
                drift.judge(target, specs, run_id)
            writing.commit()
    except adbc_driver_manager.Error as error:
        raise WellhouseError(_explain(error)) from None
    return {"run_id": run_id, "people": people, "models": len(specs), "eligible": counts}


def _later(
    writer: ThreadPoolExecutor, before: Future[None] | None, cursor: dbapi.Cursor, made: Sequence[tuple[str, pa.Table]]
) -> Future[None]:
    """Write what was made once the part before is written: no more than two are held at a time."""
    if before:
        before.result()
    return writer.submit(_put, cursor, made)


def _put(cursor: dbapi.Cursor, made: Sequence[tuple[str, pa.Table]]) -> None:
    """Into temporary tables, which the first rows make."""
    for name, rows in made:
        cursor.adbc_ingest(name, rows, mode="create_append", temporary=True)


def _own(spec: Spec, how: Recalibration, published: Scored, people: pd.DataFrame) -> Scored:
    """The centre's own version beside the published one."""
    return Scored(spec, spec.outputs, recalibrated(spec, published.scores, how, people))


def _features(cursor: dbapi.Cursor, specs: list[Spec], which: str) -> Iterator[pd.DataFrame]:
    """The mart in parts, cast to what the equations take; a column that the mart lacks is missing for everybody."""
    cursor.execute(COLUMNS)
    held = {row[0] for row in cursor.fetchall()}
    wanted = {name: TYPES[i.kind] for spec in specs for i in spec.inputs for name in _names(i) if name in held}
    columns = [f"{name}::{kind} as {name}" for name, kind in wanted.items()]
    cursor.execute(f"select {', '.join(KEYS + columns)} from marts.fct_risk_features where {which}")  # noqa: S608
    waiting: list[pa.RecordBatch] = []
    for batch in cursor.fetch_record_batch():
        waiting.append(batch)
        if sum(len(one) for one in waiting) >= PART:
            yield from _parts(waiting)
            waiting = []
    if waiting:
        yield from _parts(waiting)


def _parts(batches: list[pa.RecordBatch]) -> Iterator[pd.DataFrame]:
    """At most ``PART`` rows each; a batch of the driver may hold more."""
    for part in pa.Table.from_batches(batches).combine_chunks().to_batches(max_chunksize=PART):
        yield part.to_pandas()


def _names(entry: Input) -> list[str]:
    return [entry.name, *([entry.alternative.column] if entry.alternative else [])]


def _changes(spec: Spec, features: pd.DataFrame, scores: pd.DataFrame) -> pa.Table:
    """One row a person and input that would lower the risk."""
    found = changes(spec, features, scores)
    people = features.iloc[found["row"].astype(int)]
    return pa.table(
        {
            "person_key": pa.array(people["person_key"], pa.int64()),
            "site": pa.array(people["site"], pa.string()),
            "exam_key": pa.array(people["exam_key"], pa.int64()),
            "exam_date": pa.array(people["exam_date"], pa.date32()),
            "input": pa.array(found["input"], pa.string()),
            "target": pa.array(found["target"], pa.float64(), from_pandas=True),
            "value": pa.array(found["value"], pa.float64()),
            "risk": pa.array(found["risk"], pa.float64()),
            "model": pa.repeat(spec.model, len(found)),
            "version": pa.repeat(spec.version, len(found)),
        }
    )


def _models(specs: list[Spec]) -> pa.Table:
    cards = [
        describe(spec)
        | {"card": (spec.folder / "CARD.md").read_text(encoding="utf-8"), "calibration_curve": _calibration(spec)}
        for spec in specs
    ]
    return pa.table(
        {
            **{key: [card[key] for card in cards] for key in ("model", "version", "kind", "source")},
            "card": [json.dumps(card, ensure_ascii=False) for card in cards],
        }
    )


def _calibration(spec: Spec) -> list[dict[str, float]]:
    """Points of the curve from the validation of the version that is scored with; none: it was not validated."""
    validated = registry.coefficients(spec.model, spec.folder / "coefficients.json").with_name("metrics.json")
    found = json.loads(validated.read_text(encoding="utf-8")) if validated.exists() else {}
    return list(found.get("calibration_curve", []))


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
