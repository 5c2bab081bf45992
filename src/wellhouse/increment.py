"""What a build computes anew: the persons of whom anything landed, left, moved or was corrected since the last one.

Rows of all others are taken over as the last complete build left them (``dbt_project/macros/carry.sql``). Whether
something happened is not inferred from loads, merges or erasures, each of which somebody could forget: every landed row
of exams is looked at, as which version of which row it is, never at a clock. Anything else that changed (a model, a
rule, a range, a table made by hand, a server that crashed) makes the next build compute everything.
"""

from __future__ import annotations

import hashlib
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
    "marts": ("fct_stage_summary",),
}  # fmt: skip
"""Tables whose rows depend on nobody but their person."""
_MOST = 0.3
"""Of all persons; with more of them touched it is cheaper to compute everything."""

_STATE = """
    create unlogged table if not exists intermediate.built_on (person_key bigint, exam_key bigint, versions numeric);
    create unlogged table if not exists intermediate.built_by (project text, tables oid[]);
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
        known = connection.execute("select project, tables from intermediate.built_by").fetchone()
        if whole or known is None or known != (_digest(project), _tables(connection)):
            return None
        connection.execute(_TOUCHED)
        touched, everybody = connection.execute(
            """select (select count(*) from intermediate.touched_person),
                      (select count(distinct person_key) from intermediate.landed)"""
        ).fetchone() or (0, 0)
        return None if touched > _MOST * everybody else int(touched)


def end(of: Settings, project: Path) -> None:
    """Everything was built and published: the next build goes on from here."""
    with db.connect(ROLE, of) as connection:
        connection.execute(
            """truncate intermediate.built_on, intermediate.built_by;
               insert into intermediate.built_on select * from intermediate.landed"""
        )
        connection.execute("insert into intermediate.built_by values (%s, %s)", (_digest(project), _tables(connection)))


def _tables(connection: psycopg.Connection) -> list[int] | None:
    """Which tables there are to take rows from: whoever makes one by hand makes another one."""
    names = [(schema, table) for schema, tables in CARRIED.items() for table in tables]
    found = connection.execute(_TABLES, list(map(list, zip(*names, strict=True)))).fetchone()
    return found[0] if found else None


def _digest(project: Path) -> str:
    """Of every file of the dbt project: models, macros, seeds, settings."""
    whole = hashlib.sha256()
    for path in sorted(p for p in project.rglob("*") if p.is_file()):
        whole.update(str(path.relative_to(project)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()
