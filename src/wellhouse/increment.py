"""What a build computes anew: the persons of whom anything landed, left, moved or was corrected since the last one.

Rows of all others stay as the last complete build left them (``dbt_project/macros/carry.sql``). Whether
something happened is not inferred from loads, merges or erasures, each of which somebody could forget: every landed row
of exams is looked at, as which version of which row it is, never at a clock. Anything else that changed (a model, a
range, a unit, a table made by hand, a server that crashed) makes the next build compute everything.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import psycopg

from wellhouse import db
from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings

ROLE = "wh_transform"
CARRIED = {
    "before_scoring": (
        "staging.stg_exam__observations", "intermediate.int_exam__converted", "intermediate.int_exam__interpreted",
        "intermediate.int_exam__judged", "intermediate.int_exam__counted", "intermediate.int_exam__summarised",
        "intermediate.int_exam__compared", "intermediate.int_exam__sloped", "intermediate.int_stage__yearly",
        "intermediate.int_population__interpreted", "intermediate.int_population__summed",
        "intermediate.int_population__crossed", "intermediate.int_risk__measured", "intermediate.int_risk__known",
        "intermediate.int_risk__fresh", "intermediate.int_intervention__observed",
        "intermediate.int_intervention__compared", "intermediate.int_exam__measured",
        "marts.fct_observation", "marts.fct_indicator_trend", "marts.fct_stage_summary", "marts.fct_risk_input",
        "marts.fct_risk_features",
        "population.rpt_population_trend",
    ),
    "after_scoring": (
        "intermediate.int_risk__scored", "intermediate.int_risk__banded", "marts.fct_risk_score",
        "marts.fct_survival_risk",
        "intermediate.int_rule__known", "intermediate.int_rule__sequenced", "intermediate.int_rule__met",
        "intermediate.int_rule__evaluated", "intermediate.int_rule__held", "intermediate.int_rule__raised",
        "intermediate.int_population__examined", "intermediate.int_population__measured",
    ),
}  # fmt: skip
"""By selector: tables whose rows depend on nobody but their person, or on those who were examined in a site's year, and
on populations that a fingerprint tells from others. None depends on the day that is looked at."""
_DECIDING = {
    "before_scoring": ["exam", "person", "response", "consultation", "intervention"],
    "after_scoring": ["exam", "person", "response", "consultation", "score"],
}
"""Of which kinds that is what landed of whom the selector's tables are made."""
_MOST = 0.3
"""Of all persons; with more of them touched, now and since everything was computed, it is better to compute everything:
rows that came later do not lie beside their like."""

_REFERS = re.compile(r"\bref\('(\w+)'\)")
_STATE = """
    drop table if exists
        intermediate.landed, intermediate.touched_person, intermediate.touched_exam, intermediate.touched_load,
        intermediate.touched_site_year;
    drop table if exists intermediate.built_on, intermediate.built_by;  -- an earlier version's
    create unlogged table if not exists intermediate.built (
        selector text, person_key bigint, kind text, key bigint, versions numeric
    );
    create unlogged table if not exists intermediate.built_from (
        selector text, made_of text, tables oid[], touched bigint
    );
    create unlogged table if not exists intermediate.built_population (
        indicator_code text, sex text, age_band text, fingerprint numeric
    );
    create unlogged table if not exists intermediate.built_closed (closed_on date);
    -- which build is under way: like all that it computes, gone when the server crashes
    create unlogged table if not exists intermediate.begun (selector text);
    truncate intermediate.begun;
    create unlogged table intermediate.touched_person (person_key bigint primary key);
    create unlogged table intermediate.touched_exam (exam_key bigint primary key);
    create unlogged table intermediate.touched_load (load_id bigint primary key);
    create unlogged table intermediate.touched_site_year (site text, exam_year int, primary key (site, exam_year));
"""
# What is computed after scoring is made of what was computed before it: of what had landed then, not of what has since.
_LANDED = {
    "before_scoring": """
        create unlogged table intermediate.landed as
        with landed (person_key, kind, key, row_version, load_id, row_number) as (
            select person_key, 'exam', exam_key, xmin, load_id, row_number from landing.observation
            union all
            select person_key, 'exam', exam_key, xmin, load_id, row_number from landing.exam
            union all
            select person_key, 'person', person_key, xmin, load_id, row_number from landing.person
            union all
            select person_key, 'response', response_key, xmin, load_id, row_number from landing.questionnaire
            union all
            select person_key, 'response', response_key, xmin, load_id, row_number from landing.questionnaire_answer
            union all
            select person_key, 'consultation', consultation_key, xmin, load_id, row_number from landing.consultation
            union all
            select person_key, 'intervention', intervention_key, xmin, load_id, row_number from landing.intervention
        ),
        by_load as (
            select
                person_key, kind, key, load_id,
                sum(hashtextextended(row_version::text, (load_id << 32) + row_number)) as versions
            from landed
            where person_key <> all ((select access.restricted())::bigint[])
            group by person_key, kind, key, load_id
        )
        select person_key, kind, key, sum(versions) as versions, array_agg(load_id) as loads
        from by_load group by person_key, kind, key
    """,
    "after_scoring": """
        create unlogged table intermediate.landed as
        select person_key, kind, key, versions, null::bigint[] as loads
        from intermediate.built where selector = 'before_scoring'
        union all
        select person_key, 'score', exam_key, hashtextextended(xmin::text, exam_key), null from risk.scoring
        where person_key <> all ((select access.restricted())::bigint[])
    """,
}
# An exam or a response whose rows name two persons is of the one who was named last: a change of either touches both.
_TOUCHED = """
    create temporary table before on commit drop as
        select person_key, kind, key, versions from intermediate.built where selector = %(selector)s;
    create temporary table changed on commit drop as
        select person_key, kind, key
        from intermediate.landed full join before using (person_key, kind, key)
        where kind = any(%(deciding)s) and (landed.versions is distinct from before.versions or landed.versions = -1);
    create temporary table known on commit drop as
        select person_key, kind, key from intermediate.landed
        union
        select person_key, kind, key from before;
    insert into intermediate.touched_person
        select person_key from changed
        union
        select person_key from known where (kind, key) in (select kind, key from changed);
    insert into intermediate.touched_exam
        select distinct key from known
        where kind = 'exam' and person_key in (select person_key from intermediate.touched_person);
    insert into intermediate.touched_load
        select distinct unnest(loads) from intermediate.landed
        where kind = 'exam' and key in (select exam_key from intermediate.touched_exam);
    -- an exam is of the year in which it is now, was shown last, or was when a build failed
    insert into intermediate.touched_site_year
        with moved as (
            select key from changed where kind = 'exam'
            union
            select known.key from known join changed using (person_key)
            where known.kind = 'exam' and changed.kind = 'person'
        )
        select site, extract(year from exam_date)::int from landing.exam where exam_key in (select key from moved)
        union
        select site, exam_year from marts.fct_exam where exam_key in (select key from moved)
        union
        select site, exam_year from intermediate.int_exam__aged where exam_key in (select key from moved);
    analyze intermediate.touched_person, intermediate.touched_exam, intermediate.touched_site_year;
    -- a build that fails leaves some of their tables changed: they are touched until one is complete
    delete from intermediate.built
        where selector = %(selector)s and person_key in (select person_key from intermediate.touched_person);
    insert into intermediate.built
        select %(selector)s, person_key, kind, key, -1 from known join intermediate.touched_person using (person_key);
"""
_COMPLETE = """
    delete from intermediate.built where selector = %(selector)s;
    delete from intermediate.built_from where selector = %(selector)s;
    insert into intermediate.built select %(selector)s, person_key, kind, key, versions from intermediate.landed;
    insert into intermediate.built_from values (%(selector)s, %(made_of)s, %(tables)s, %(touched)s);
"""
_POPULATION = """
    truncate intermediate.built_population;
    insert into intermediate.built_population
        select indicator_code, sex, age_band, fingerprint from intermediate.int_exam__summarised;
    truncate intermediate.built_closed;
    insert into intermediate.built_closed select closed_on from intermediate.int_exam__closed
"""
_MODELS = """
    select
        string_agg(concat(model, version, registered_at, kind, source, card -> 'yearly'), ';' order by model, version)
    from risk.model
"""
_TABLES = """
    select array_agg(c.oid order by n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = any(%s)
"""
_CRASHED = (
    "PostgreSQL crashed, which empties what is computed, or somebody was erased while marts were built: build again"
)
_FORGET = """
    do $$ begin
        if to_regclass('intermediate.begun') is not null then
            delete from intermediate.begun;
            delete from intermediate.built_from;
        end if;
    end $$
"""
_LAST = "select made_of, tables, touched from intermediate.built_from where selector = %s"


def begin(of: Settings, selector: str, project: Path, whole: bool = False) -> int | None:
    """Look at what has landed; how many persons are to be computed anew, None: all.

    :param selector: a key of ``CARRIED``
    :param whole: all, whatever was built before
    :raises WellhouseError: what the selector is made of is not there
    """
    with db.connect(ROLE, of) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_STATE)
        for needed in _until(selector)[:-1]:
            if cursor.execute(_LAST, (needed,)).fetchone() is None:
                raise WellhouseError(
                    f"{selector} is made of what {needed} computes, which is not there (a crash of PostgreSQL empties "
                    f"it): wellhouse dbt build --selector {needed}"
                )
        cursor.execute("insert into intermediate.begun values (%s)", (selector,))
        cursor.execute(_LANDED[selector])
        last = cursor.execute(_LAST, (selector,)).fetchone()
        if whole or last is None or last[:2] != _made_of(connection, project, selector):
            return None
        cursor.execute(_TOUCHED, {"selector": selector, "deciding": _DECIDING[selector]})
        touched, everybody = cursor.execute(
            """select (select count(*) from intermediate.touched_person),
                      (select count(distinct person_key) from intermediate.landed)"""
        ).fetchone() or (0, 0)
        return None if last[2] + touched > _MOST * everybody else int(touched)


def end(of: Settings, selector: str, project: Path, touched: int | None) -> None:
    """Everything was built and published: the next build goes on from here.

    :param touched: what ``begin`` said
    :raises WellhouseError: the server crashed meanwhile
    """
    with db.connect(ROLE, of) as connection, psycopg.ClientCursor(connection) as cursor:
        if cursor.execute("select from intermediate.begun where selector = %s", (selector,)).fetchone() is None:
            raise WellhouseError(_CRASHED)
        *_, before = cursor.execute(_LAST, (selector,)).fetchone() or (0,)
        made_of, tables = _made_of(connection, project, selector)
        state = {"selector": selector, "made_of": made_of, "tables": tables,
                 "touched": 0 if touched is None else before + touched}  # fmt: skip
        cursor.execute(_COMPLETE, state)
        if selector == "before_scoring":
            cursor.execute(_POPULATION)


def forget(of: Settings) -> None:
    """Somebody is erased, also from what tells who is touched: a build that is under way shows nothing, the next one
    computes everything, so that nothing of them stays where no person's key stands."""
    with db.connect(ROLE, of) as connection:
        connection.execute(_FORGET)


def _made_of(connection: psycopg.Connection, project: Path, selector: str) -> tuple[str, list[int] | None]:
    """What carried tables are made of beside what landed: files, where they show scores the models of these, and the
    tables to take rows from, also those of the selector before: whoever makes one by hand makes another one."""
    digest = _digest(project, selector)
    if "score" in _DECIDING[selector]:
        digest += str(connection.execute(_MODELS).fetchone())
    made = [table for one in _until(selector) for table in CARRIED[one]]
    tables = connection.execute(_TABLES, (made,)).fetchone()
    return digest, tables[0] if tables else None


def _until(selector: str) -> list[str]:
    """The selectors that are built before it, and it."""
    return list(CARRIED)[: list(CARRIED).index(selector) + 1]


def _digest(project: Path, selector: str) -> str:
    """Of every file of the dbt project that carried tables are made of: they, what they refer to, macros, settings."""
    known = {p.stem: p for p in project.rglob("*") if p.suffix in (".sql", ".csv")}
    waiting = [known[table.split(".")[1]] for table in CARRIED[selector]]
    files = {*project.glob("*.yml"), *(project / "macros").rglob("*.sql"), *(project / "seeds").glob("*.yml")}
    while waiting:
        path = waiting.pop()
        files |= {path, path.with_suffix(".yml")}
        referred = {*_REFERS.findall(path.read_text())} & known.keys()  # what is not there dbt itself complains of
        waiting += [known[name] for name in referred if known[name] not in files]
    whole = hashlib.sha256()
    for path in sorted(p for p in files if p.exists()):
        whole.update(str(path.relative_to(project)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()
