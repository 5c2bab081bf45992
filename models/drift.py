"""Are the people of today those the models were made for, and does what was predicted come true?

Population stability index of every input against the first run (the reference), and, where follow-up is there,
calibration in the large. Yurdakul B. Statistical properties of population stability index, 2018: below 0.1 stable, from
0.25 shifted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from adbc_driver_postgresql.dbapi import Cursor

from models.spec import Spec
from models.survival.artefact import rounded, write_json
from wellhouse.settings import settings

Array = np.ndarray[Any, np.dtype[Any]]

BINS = 10
SHIFTED = 0.25
FLOOR = 1e-4
"""Share that an empty bin counts as."""
FEWEST = 100
"""People below which a distribution is not judged."""
MISCALIBRATED = float(np.log(1.25))
"""A quarter more or fewer events than expected, and more than chance explains (99 %)."""
Z99 = 2.576

CLEAR = "delete from risk.drift where run_id = $1"
ADD = """
insert into risk.drift (run_id, measure, name, value, people, shifted)
select run_id, measure, name, value, people, shifted from pg_temp.incoming_drift
"""
FOLLOWED = """
with scored as (
    select distinct on (person_key, site) person_key, site, exam_date, value
    from risk.score
    where (model, version, output) = ($1, $2, $3) and eligible
      and person_key in (select person_key from marts.fct_outcome_event where event_code = $4)
    order by person_key, site, exam_date
),
followed as (
    select scored.value, outcomes.observed, outcomes.origin_date + outcomes.time_days - scored.exam_date as days
    from scored
    inner join marts.fct_outcome_event as outcomes using (person_key, site)
    where outcomes.event_code = $4
)
select count(*), sum(-ln(1 - least(value, 1 - 1e-9)) * least(days, $5::int) / $5::int),
       count(*) filter (where observed and days <= $5::int)
from followed
where days > 0
"""


def reference(values: Array) -> dict[str, Any] | None:
    """Edges and shares of a distribution, the missing as a bin of their own; None for too few people."""
    known = values[~np.isnan(values)]
    if len(known) < FEWEST:
        return None
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    return {"edges": [rounded(e) for e in edges], "shares": [rounded(s) for s in _shares(values, edges)]}


def _shares(values: Array, edges: Array) -> Array:
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)) / len(values)


def psi(before: Mapping[str, Any], values: Array) -> float:
    """Population stability index of ``values`` against :func:`reference`."""
    then = np.maximum(np.array(before["shares"]), FLOOR)
    now = np.maximum(_shares(values, np.array(before["edges"])), FLOOR)
    return float(((now - then) * np.log(now / then)).sum())


def watch(features: pd.DataFrame, run_id: str) -> pa.Table:
    """PSI of every input against the reference under ``var/models``, which the first run writes; alerts on a shift.

    :param features: a sample of the mart; only bins' shares are kept, never a row
    :returns: rows of ``risk.drift``
    """
    path = settings().var / "models" / "drift_reference.json"
    numbers = {
        name: pd.to_numeric(features[name], errors="coerce").to_numpy(dtype=float)
        for name in features.columns
        if name not in ("person_key", "site", "exam_key", "exam_date", "sex")
    }
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    new = {name: found for name, values in numbers.items() if name not in known and (found := reference(values))}
    if new:
        write_json(path, known | new)
    found = {name: rounded(psi(known[name], values)) for name, values in numbers.items() if name in known}
    shifted = {name: value for name, value in found.items() if value >= SHIFTED}
    if shifted:
        _alert("inputs of the risk models shifted (PSI)", shifted)
    return _rows(run_id, "psi", [(name, value, len(features), name in shifted) for name, value in found.items()])


def judge(cursor: Cursor, specs: Iterable[Spec], run_id: str) -> None:
    """Calibration in the large of every model whose event is followed, into ``risk.drift``; alerts on a shift.

    log(observed / expected events) since each person's first scored exam, as far as they were followed, the risk
    spread evenly over its years: the intercept of a Poisson regression with the expected events as offset (Crowson CS,
    Atkinson EJ, Therneau TM. Stat Methods Med Res 2016;25:1692-1706). Half an event is added to both, so that none is
    a number too.
    """
    found = []
    for spec in specs:
        if spec.followed is None:
            continue
        cursor.execute(FOLLOWED, (spec.model, spec.version, spec.output.name, spec.followed.event, spec.followed.days))
        people, expected, observed = cursor.fetchone() or (0, None, 0)
        if expected:
            value = float(np.log((observed + 0.5) / (expected + 0.5)))
            certain = abs(observed - expected) > Z99 * np.sqrt(expected)
            found.append((spec.model, rounded(value), int(people), bool(certain and abs(value) >= MISCALIBRATED)))
    if found:
        cursor.adbc_ingest("incoming_calibration", _rows(run_id, "calibration_intercept", found), temporary=True)
        cursor.execute(ADD.replace("incoming_drift", "incoming_calibration"))
    if off := {name: value for name, value, _, shifted in found if shifted}:
        _alert("risk models are off in the large (log observed/expected)", off)


def _rows(run_id: str, measure: str, lines: Sequence[tuple[str, float, int, bool]]) -> pa.Table:
    names, values, people, shifted = zip(*lines, strict=True) if lines else ((), (), (), ())
    return pa.table(
        {
            "run_id": pa.array([run_id] * len(lines), pa.string()),
            "measure": pa.array([measure] * len(lines), pa.string()),
            "name": pa.array(names, pa.string()),
            "value": pa.array(values, pa.float64()),
            "people": pa.array(people, pa.int32()),
            "shifted": pa.array(shifted, pa.bool_()),
        }
    )


def _alert(what: str, values: Mapping[str, float]) -> None:
    each = ", ".join(f"{name} {value:.2f}" for name, value in sorted(values.items()))
    settings().logs.mkdir(parents=True, exist_ok=True)
    with (settings().logs / "alerts.log").open("a", encoding="utf-8") as file:
        now = pd.Timestamp.now("UTC").strftime("%Y-%m-%dT%H:%M:%S+00:00")
        file.write(f"{now} ALERT {what}: {each}\n")
