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
from wellhouse.settings import Settings

ROLE = "wh_transform"
CARRIED = {
    "staging": ("stg_exam__observations",),
    "intermediate": (
        "int_exam__converted", "int_exam__interpreted", "int_exam__compared", "int_exam__sloped", "int_stage__yearly",
        "int_population__interpreted", "int_risk__measured",
    ),
    "marts": ("fct_observation", "fct_indicator_trend", "fct_stage_summary"),
}  # fmt: skip
"""Tables whose rows depend on nobody but their person, and on populations that a fingerprint tells from others."""
_MOST = 0.3
"""Of all persons; with more of them touched, now and since everything was computed, it is better to compute everything:
rows that came later do not lie beside their like."""

_REFERS = re.compile(r"\bref\('(\w+)'\)")
_STATE = """
    create unlogged table if not exists intermediate.built_on (person_key bigint, exam_key bigint, versions numeric);
    create unlogged table if not exists intermediate.built_by (project text, tables oid[]);
    alter table intermediate.built_by add column if not exists touched bigint;
    create unlogged table if not exists intermediate.built_population (
        indicator_code text, sex text, age_band text, fingerprint numeric
    );
    drop table if exists intermediate.landed, intermediate.touched_person, intermediate.touched_exam;
    create unlogged table intermediate.landed as
        select person_key, exam_key, sum(hashtextextended(xmin::text, (load_id << 32) + row_number)) as versions
        from (
            select person_key, exam_key, xmin, load_id, row_number from landing.observation
            union all
            select person_key, exam_key, xmin, load_id, row_number from landing.exam
            union all
            select person_key, -1, xmin, load_id, row_number from landing.person
        ) as landed
        where person_key <> all ((select access.restricted())::bigint[])
        group by person_key, exam_key;
    create unlogged table intermediate.touched_person (person_key bigint primary key);
    create unlogged table intermediate.touched_exam (exam_key bigint primary key);
"""
# Exam -1: what is said of the person. An exam whose rows name two persons is of the one who was named last: a change of
# either touches both.
_TOUCHED = """
    create temporary table changed on commit drop as
        select person_key, exam_key
        from intermediate.landed full join intermediate.built_on using (person_key, exam_key)
        where landed.versions is distinct from built_on.versions;
    create temporary table known on commit drop as
        select person_key, exam_key from intermediate.landed
        union
        select person_key, exam_key from intermediate.built_on;
    insert into intermediate.touched_person
        select person_key from changed
        union
        select person_key from known where exam_key in (select exam_key from changed where exam_key >= 0);
    insert into intermediate.touched_exam
        select distinct exam_key from known
        where exam_key >= 0 and person_key in (select person_key from intermediate.touched_person);
    analyze intermediate.touched_person, intermediate.touched_exam;
    -- a build that fails leaves some of their tables changed: they are touched until one is complete
    delete from intermediate.built_on where person_key in (select person_key from intermediate.touched_person);
    insert into intermediate.built_on
        select person_key, exam_key, -1 from known join intermediate.touched_person using (person_key);
"""
_COMPLETE = """
    truncate intermediate.built_on, intermediate.built_by, intermediate.built_population;
    insert into intermediate.built_on select * from intermediate.landed;
    insert into intermediate.built_population
        select indicator_code, sex, age_band, fingerprint from intermediate.int_exam__summarised
"""
_TABLES = """
    select array_agg(c.oid order by n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname, c.relname) in (select * from unnest(%s::text[], %s::text[]))
"""


def begin(of: Settings, project: Path, whole: bool = False) -> int | None:
    """Look at what has landed; how many persons are to be computed anew, None: all.

    :param whole: all, whatever was built before
    """
    with db.connect(ROLE, of) as connection:
        connection.execute(_STATE)
        known = connection.execute("select project, tables, touched from intermediate.built_by").fetchone()
        if whole or known is None or known[:2] != (_digest(project), _tables(connection)):
            return None
        connection.execute(_TOUCHED)
        touched, everybody = connection.execute(
            """select (select count(*) from intermediate.touched_person),
                      (select count(distinct person_key) from intermediate.landed)"""
        ).fetchone() or (0, 0)
        return None if known[2] + touched > _MOST * everybody else int(touched)


def end(of: Settings, project: Path, touched: int | None) -> None:
    """Everything was built and published: the next build goes on from here.

    :param touched: what ``begin`` said
    """
    with db.connect(ROLE, of) as connection:
        before = connection.execute("select touched from intermediate.built_by").fetchone() or (0,)
        connection.execute(_COMPLETE)
        connection.execute(
            "insert into intermediate.built_by values (%s, %s, %s)",
            (_digest(project), _tables(connection), 0 if touched is None else before[0] + touched),
        )


def _tables(connection: psycopg.Connection) -> list[int] | None:
    """Which tables there are to take rows from: whoever makes one by hand makes another one."""
    names = [(schema, table) for schema, tables in CARRIED.items() for table in tables]
    found = connection.execute(_TABLES, list(map(list, zip(*names, strict=True)))).fetchone()
    return found[0] if found else None


def _digest(project: Path) -> str:
    """Of every file of the dbt project that carried tables are made of: they, what they refer to, macros, settings."""
    known = {p.stem: p for p in project.rglob("*") if p.suffix in (".sql", ".csv")}
    waiting = [known[table] for tables in CARRIED.values() for table in tables]
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
