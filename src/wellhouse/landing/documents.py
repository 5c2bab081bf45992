"""Documents that a source tells as a whole: what a later version has no longer, and what one that is withdrawn said."""

from __future__ import annotations

from wellhouse.landing import families
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
    later = f"""select {family.whole}, person_key, told as after from ({_last_told(family)}) last
        where standing = 'entered-in-error'"""  # noqa: S608
    reason = family.attributes[0], "conflicting_value", "what an earlier row of this file says of the same number"
    families.quarantine(load, family, family.whole, later, reason, resolved)


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
