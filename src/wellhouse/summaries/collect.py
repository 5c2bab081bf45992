"""Read persons' rows with the reader's own database role: PostgreSQL's policies decide what there is.

Everything happens in one transaction of the reader's; the audit has it before anything but the latest exam is read. Who
the person is, is read only for health managers, as ``wh_identity`` and after an event of its own.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from wellhouse import audit, db
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.vault import reveal
from wellhouse.errors import UnavailableError, WellhouseError
from wellhouse.settings import Settings
from wellhouse.summaries.facts import (
    Advice,
    Change,
    Due,
    Exam,
    Facts,
    FollowUp,
    Person,
    Point,
    Result,
    Risk,
    Series,
    Stage,
)

Row = dict[str, Any]

LATEST = """
    select distinct on (person_key)
           person.person_key, site, sites.name_zh as site_zh, sites.name_en as site_en, person.sex,
           exam.exam_key, exam.exam_date, exam.age_years, exam.exam_date = person.last_exam_date as is_newest,
           count(*) over (partition by person_key, site order by exam.exam_date) as exam_count,
           %(before)s::date as before
    from marts.dim_person person
    join marts.dim_site sites using (site)
    join marts.fct_exam exam using (person_key, site)
    where person_key = any(%(persons)s) and exam.exam_date < %(before)s and site = coalesce(%(site)s, site)
    order by person_key, exam.exam_date desc, exam.exam_key desc
"""
ASKED = """
    select asked.person_key as of_person, found.*
    from unnest(%(persons)s::bigint[], %(sites)s::text[], %(exams)s::bigint[], %(dates)s::date[], %(befores)s::date[])
         as asked (person_key, site, exam_key, exam_date, before)
    cross join lateral ({query}) found
"""
"""One of the queries below for many persons at once: a lateral query is put for each and leaves its rows in order."""
RESULTS = """
    select o.exam_key, o.exam_date, o.indicator_code, i.name_zh, i.name_en, i.category, i.worse_direction,
           o.unit, o.value, o.value_text, o.comparator, o.reference_low, o.reference_high, o.interpretation, o.load_id
    from marts.fct_observation o
    join marts.dim_indicator i using (indicator_code)
    where o.person_key = asked.person_key and o.site = asked.site and o.exam_date <= asked.exam_date
    order by o.exam_date, o.exam_key
"""
TRENDS = """
    select t.exam_key, t.exam_date, t.indicator_code, t.indicator_name_zh, t.indicator_name_en, t.unit, t.value,
           t.interpretation, t.reference_low, t.reference_high, t.change_from_previous, t.slope_per_year,
           t.population_p10, t.population_p90
    from marts.fct_indicator_trend t
    where t.person_key = asked.person_key and t.site = asked.site and t.exam_date <= asked.exam_date
    order by t.indicator_code, t.exam_number
"""
RISKS = """
    select distinct on (model) model, score.value, score.unit, score.category, score.reason_zh, score.reason_en,
           score.source, score.missing, own.value as own
    from (
        select person_key, site, exam_key, model, output, value, unit, category, reason_zh, reason_en, source, missing
        from marts.fct_risk_score where not recalibrated
        union all
        select person_key, site, exam_key, model, output, value, unit, category, reason_zh, reason_en, source, missing
        from marts.fct_survival_risk
    ) score
    left join (select * from marts.fct_risk_score where recalibrated) own
        using (person_key, site, exam_key, model, output)
    where person_key = asked.person_key and site = asked.site and exam_key = asked.exam_key
    order by model, score.category nulls last, output
"""
CHANGES = """
    select model, input, risk_target as target, risk_then as then
    from marts.fct_risk_change
    where person_key = asked.person_key and site = asked.site and exam_key = asked.exam_key
    order by model, risk_then desc
"""
FOLLOW_UPS = """
    select follow_up_date, method, outcome, next_date
    from marts.fct_follow_up_event
    where person_key = asked.person_key and site = asked.site and follow_up_date < asked.before
    order by follow_up_date desc
    limit 5
"""
DUE = """
    select due_date, overdue_days, text_zh, text_en from marts.fct_follow_up_due
    where person_key = asked.person_key and site = asked.site and due_status in ('open', 'overdue')
    order by due_date, follow_up_due_key
    limit 8
"""
ADVICE = """
    select topic, text_zh, text_en, source from marts.fct_advice
    where person_key = asked.person_key and site = asked.site
    order by place, advice
"""
STAGES = """
    select s.indicator_code, i.name_zh, i.name_en, s.unit, s.year_from, s.year_to, s.value_from, s.value_to, s.change,
           s.interpretation_from, s.interpretation_to
    from marts.fct_stage_summary s
    join marts.dim_indicator i using (indicator_code)
    where s.person_key = asked.person_key and s.site = asked.site
      and (s.is_real_change or s.interpretation_from is distinct from s.interpretation_to)
      and (s.year_from, s.year_to) = (
          select min(year_from), max(year_to) from marts.fct_stage_summary
          where person_key = asked.person_key and site = asked.site and year_to <= extract(year from asked.exam_date)
      )
    order by s.indicator_code
"""
QUERIES = {
    "results": RESULTS, "trends": TRENDS, "risks": RISKS, "changes": CHANGES, "follow_ups": FOLLOW_UPS, "due": DUE,
    "advice": ADVICE, "stages": STAGES,
}  # fmt: skip
BUILT = """
    select max(at) as built_at from ops.model_run where node like '%%fct_indicator_trend' and status = 'success'
"""


OF_YEAR = """
    select distinct person_key from marts.fct_exam
    where site = %(site)s and exam_date >= make_date(%(year)s, 1, 1) and exam_date < make_date(%(year)s + 1, 1, 1)
    order by person_key limit %(most)s
"""


def collect(settings: Settings, person_key: int, username: str) -> Facts:
    """What ``username`` may see of a person, at the site of the latest exam that they may see.

    :raises WellhouseError: no such reader, a role that reads no persons, or no such person for this reader; the last
        is the same line for a person who does not exist and one of another site.
    """
    with reading(settings, username) as mine:
        latest = mine.latest([person_key])
        if not latest:
            raise WellhouseError(f"{username} may read no exam of a person {person_key}")
        mine.audited("read", [person_key])
        if mine.identified:
            mine.audited("reveal", [person_key])
        return mine.facts(latest)[0]


@contextmanager
def reading(settings: Settings, username: str) -> Iterator[Reading]:
    """One transaction of the reader's, for one summary or many.

    :raises WellhouseError: no such reader, or a role that reads no persons
    """
    with db.connect_reader(username, settings) as connection, ExitStack() as opened:
        role = _role(connection, username)
        connection.commit()
        connection.execute("set transaction isolation level repeatable read")
        identities = None
        if role == db.IDENTIFIED:
            identities = (
                opened.enter_context(db.connect("wh_identity", settings)),
                opened.enter_context(Keyring.open(settings)),
            )
        cursor = connection.cursor(row_factory=dict_row)
        yield Reading(settings, audit.reader(username), cursor, identities, _built_at(settings))


def of_subject(settings: Settings, person_key: int, who: str) -> Facts | None:
    """The same for the person themselves: under nobody's row policies, with their name; None: no exam was built yet.

    :param who: whoever answers the person's request, as the audit names them
    """
    with (
        db.connect("wh_transform", settings) as connection,
        db.connect("wh_identity", settings) as identity,
        Keyring.open(settings) as keyring,
    ):
        connection.execute("set transaction isolation level repeatable read")
        try:
            latest = _latest(connection.cursor(row_factory=dict_row), [person_key])
        except psycopg.errors.UndefinedTable:
            return None
        if not latest:
            return None
        cursor = connection.cursor(row_factory=dict_row)
        own = Reading(settings, who, cursor, (identity, keyring), _built_at(settings))
        own.audited("reveal", [person_key])
        return own.facts(latest)[0]


@dataclass(frozen=True)
class Reading:
    """A reader's view; ``who``: their name in the audit. Who calls :meth:`facts` has called :meth:`audited` before."""

    settings: Settings
    who: str
    cursor: psycopg.Cursor[Row]
    identities: tuple[psycopg.Connection, Keyring] | None
    built_at: dt.datetime

    @property
    def identified(self) -> bool:
        return self.identities is not None

    def audited(self, action: str, persons: list[int]) -> None:
        audit.record(
            self.settings, self.who, action=action, path="summary", purpose="health summary", persons=persons,
            rows=len(persons),
        )  # fmt: skip

    def of_year(self, site: str, year: int, most: int) -> list[int]:
        """Whom this reader may see of those examined at the site in that year, by ``person_key``."""
        asked = {"site": site, "year": year, "most": most}
        return [int(r["person_key"]) for r in self.cursor.execute(OF_YEAR, asked).fetchall()]

    def latest(self, persons: list[int], site: str | None = None, year: int | None = None) -> list[Row]:
        """Each one's latest exam that the reader may see: at one site, up to the end of a year, if these are given.

        By ``person_key``; who has none is absent.
        """
        return _latest(self.cursor, persons, site, year)

    def facts(self, latest: list[Row]) -> list[Facts]:
        """As of these exams. Of an older one nothing that a later exam has said: no slope, no advice, nothing due."""
        found = {name: self._rows(query, latest) for name, query in QUERIES.items()}
        known = self._identities(latest)
        return [
            _facts(exam, known.get(exam["person_key"]), {n: of[exam["person_key"]] for n, of in found.items()},
                   self.built_at)
            for exam in latest
        ]  # fmt: skip

    def _rows(self, query: str, latest: list[Row]) -> dict[int, list[Row]]:
        """The query's rows of each person, in its order."""
        asked = {
            name: [exam[column] for exam in latest]
            for name, column in {"persons": "person_key", "sites": "site", "exams": "exam_key", "dates": "exam_date",
                                 "befores": "before"}.items()
        }  # fmt: skip
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self.cursor.execute(ASKED.format(query=query).encode(), asked):
            found[row.pop("of_person")].append(row)
        return found

    def _identities(self, latest: list[Row]) -> dict[int, dict[str, str]]:
        """Who the persons are, whom the row policies have shown to be of the reader's site."""
        if self.identities is None:
            return {}
        connection, keyring = self.identities
        wanted = {(exam["person_key"], exam["site"]) for exam in latest}
        known = connection.execute(
            "select person_key, site from vault.person_site where person_key = any(%s)", ([key for key, _ in wanted],)
        ).fetchall()
        if strangers := wanted - {*known}:
            person_key, site = min(strangers)
            raise WellhouseError(f"the vault knows no person {person_key} at site {site}")
        return {person_key: reveal(connection, keyring, person_key) for person_key, _ in wanted}


def _facts(exam: Row, identity: dict[str, str] | None, rows: dict[str, list[Row]], built_at: dt.datetime) -> Facts:
    newest = exam["is_newest"]
    return Facts(
        person=Person(exam["person_key"], exam["site"], exam["site_zh"], exam["site_en"], exam["sex"]),
        identity=identity,
        exam=Exam(exam["exam_key"], exam["exam_date"], exam["age_years"], exam["exam_count"]),
        results=_results(rows["results"], rows["trends"], exam["exam_key"]),
        series=_series(rows["trends"], rows["results"], newest),
        risks=tuple(_risk(row, rows["changes"]) for row in rows["risks"]),
        follow_ups=tuple(FollowUp(**row) for row in rows["follow_ups"]),
        due=tuple(Due(**row) for row in rows["due"]) if newest else (),
        advice=tuple(Advice(**row) for row in rows["advice"]) if newest else (),
        stages=tuple(Stage(**row) for row in rows["stages"]),
        built_at=built_at,
        loads=tuple(sorted({r["load_id"] for r in rows["results"] if r["exam_key"] == exam["exam_key"]})),
    )


def _latest(
    cursor: psycopg.Cursor[Row], persons: list[int], site: str | None = None, year: int | None = None
) -> list[Row]:
    before = dt.date.max if year is None else dt.date(year + 1, 1, 1)
    return cursor.execute(LATEST, {"persons": persons, "site": site, "before": before}).fetchall()


def _role(connection: psycopg.Connection, username: str) -> str:
    row = connection.execute("select access.my_role()").fetchone()
    role = str(row[0]) if row else ""
    if role not in db.BY_SITE:
        raise WellhouseError(f"{username} may read no health summaries: that takes an analyst or a health manager")
    return role


def _results(rows: list[Row], trends: list[Row], exam_key: int) -> tuple[Result, ...]:
    """The latest exam's rows, each beside the newest earlier one of the same indicator."""
    changes = {r["indicator_code"]: r["change_from_previous"] for r in trends if r["exam_key"] == exam_key}
    before: dict[str, Row] = {}
    latest = []
    for row in rows:
        if row["exam_key"] == exam_key:
            latest.append(row)
        else:
            before[row["indicator_code"]] = row
    return tuple(_result(r, before.get(r["indicator_code"]), changes.get(r["indicator_code"])) for r in latest)


def _result(row: Row, before: Row | None, change: float | None) -> Result:
    before = before or defaultdict(lambda: None)
    return Result(
        indicator_code=row["indicator_code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        category=row["category"],
        worse_direction=row["worse_direction"],
        unit=row["unit"],
        value=row["value"],
        value_text=row["value_text"],
        comparator=row["comparator"],
        reference_low=row["reference_low"],
        reference_high=row["reference_high"],
        interpretation=row["interpretation"],
        previous=before["value"],
        previous_text=before["value_text"],
        previous_comparator=before["comparator"],
        previous_interpretation=before["interpretation"],
        previous_date=before["exam_date"],
        change=change,
    )


def _risk(row: Row, changes: list[Row]) -> Risk:
    of_model = tuple(Change(c["input"], c["target"], c["then"]) for c in changes if c["model"] == row["model"])
    return Risk(**row | {"missing": tuple(row["missing"]), "changes": of_model})


def _series(rows: list[Row], results: list[Row], with_slope: bool) -> tuple[Series, ...]:
    comparators = {(r["exam_key"], r["indicator_code"]): r["comparator"] for r in results}
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["indicator_code"]].append(row)
    return tuple(
        Series(
            indicator_code=code,
            name_zh=of[-1]["indicator_name_zh"],
            name_en=of[-1]["indicator_name_en"],
            unit=of[-1]["unit"],
            slope_per_year=of[-1]["slope_per_year"] if with_slope else None,
            points=tuple(_point(row, comparators[row["exam_key"], code]) for row in of),
        )
        for code, of in grouped.items()
    )


def _point(row: Row, comparator: str | None) -> Point:
    known = row | {"comparator": comparator}
    return Point(**{name: known[name] for name in Point.__dataclass_fields__})


def _built_at(settings: Settings) -> dt.datetime:
    with db.connect("wh_ops", settings) as connection:
        row = connection.execute(BUILT).fetchone()
    if row is None or row[0] is None:
        raise UnavailableError("the marts have not been built yet: run `wellhouse pipeline run`")
    return row[0].astimezone(ZoneInfo(settings.timezone))  # type: ignore[no-any-return]
