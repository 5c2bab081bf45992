"""Documents that a source tells as a whole: what a later version has no longer, and what one that is withdrawn said."""

from __future__ import annotations

import numpy as np

from wellhouse.landing.families import Family, Resolved
from wellhouse.landing.load import Load
from wellhouse.landing.tables import SCHEMAS


def _last_told(family: Family) -> str:
    """The last version in this load of each document of a person, by its row: the last that withdraws it; else the last
    that amends it; else the first, which others contradict. What was withdrawn stays so until another file says it."""
    return f"""
        select distinct on ({family.whole}, person_key)
               {family.whole}, person_key, row_number as told, {family.head_status} as standing
        from landing.{family.head} where load_id = $1 and {family.whole} is not null
        order by {family.whole}, person_key, {family.head_status} <> 'entered-in-error', {family.head_status} = 'final',
                 case when {family.head_status} = 'final' then row_number else -row_number end"""  # noqa: S608


def told_after(load: Load, family: Family, resolved: Resolved) -> None:
    """A file that tells a document again after it withdrew it, as a history does that begins with the newest, says
    what no longer holds."""
    parts = [t for t in (family.detail, family.head) if t]
    gone = ", ".join(
        f"""gone_{t} as (delete from landing.{t} p using told
            where p.load_id = $1 and p.{family.whole} = told.{family.whole} and p.person_key = told.person_key
                and p.row_number > told.told returning p.row_number, p.person_key)"""  # noqa: S608
        for t in parts
    )
    union = " union ".join(f"select row_number, person_key from gone_{t}" for t in parts)  # noqa: S608
    rows, lost = load.fetch(
        f"""with told as materialized (select * from ({_last_told(family)}) last where standing = 'entered-in-error'),
            {gone}, gone as ({union}), noted as (
                insert into quarantine.record (load_id, row_number, field, reason, expected, person_key)
                select $1, row_number, '{family.attributes[0]}', 'conflicting_value',
                       'what an earlier row of this file says of the same number', person_key
                from gone)
            select row_number::bigint, (select count(*) from gone_{parts[0]}) from gone""",  # noqa: S608
        load.load_id,
    )
    resolved.touched = np.union1d(resolved.touched, rows)
    resolved.conflicting = np.union1d(resolved.conflicting, rows)
    if family.detail and len(lost):
        resolved.conflicts += int(lost[0])


def take_back(load: Load, family: Family) -> None:
    """What earlier versions of a document had and its last one has not: the part again, as entered in error."""
    parts, item = (family.detail, family.item) if family.detail else (family.head, family.key)
    columns = [name for name in SCHEMAS[parts].names if name not in ("load_id", "row_number", "status")]
    listed = ", ".join(columns)
    load.execute(
        f"""with told as materialized ({_last_told(family)}), loads as (
                select distinct load_id from landing.{family.head}
                where load_id <= $1 and {family.whole} in (select {family.whole} from told)
            ), before as (
                select distinct on ({family.whole}, person_key, {item}) p.*, told
                from landing.{parts} p join told using ({family.whole}, person_key)
                where p.load_id = any(array(select load_id from loads)) and (p.load_id < $1 or p.row_number < told)
                order by {family.whole}, person_key, {item}, p.load_id desc, p.row_number desc
            )
            insert into landing.{parts} (load_id, row_number, status, {listed})
            select $1, told, 'entered-in-error', {listed} from before b
            where status <> 'entered-in-error' and not exists (
                select from landing.{parts} m where m.load_id = $1 and m.row_number = b.told
                    and m.{family.whole} = b.{family.whole} and m.{item} = b.{item})""",  # noqa: S608
        load.load_id,
    )
