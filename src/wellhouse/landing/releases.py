"""A load that is read again: its landed rows go out, refusals that come up again stand, the others are lifted."""

from __future__ import annotations

from wellhouse.landing.load import Load
from wellhouse.landing.tables import OTHER_SCHEMAS, SCHEMAS


def take_out(load: Load) -> None:
    """Make room in the load's transaction: what stands until now is as if it had never landed or been refused."""
    for table in SCHEMAS:
        if table != "original" and table not in OTHER_SCHEMAS:
            load.execute(f"delete from landing.{table} where load_id = $1", load.load_id)  # noqa: S608 - our own names
    load.execute(
        "update quarantine.record set released_at = now() where load_id = $1 and released_at is null", load.load_id
    )


def lift(load: Load, mapping: str) -> int:
    """Write down which refusals did not come up again, and how many; those that did stand as they stood."""
    ((lifted,),) = load.execute(
        """with told as (
               select ctid as place, released_at is null as again, coalesce(row_number, 0) as row, reason,
                      coalesce(field, '') as field,
                      row_number() over (partition by released_at is null, row_number, field, reason order by ctid) as n
               from quarantine.record where load_id = $1 and (released_at is null or released_at = now())
           ), same as (
               select o.place as old, a.place as new
               from told o join told a using (row, field, reason, n) where a.again and not o.again
           ), standing as (
               update quarantine.record q set released_at = null from same where q.ctid = same.old
           ), said_twice as (
               delete from quarantine.record q using same where q.ctid = same.new
           )
           select (select count(*) from told where not again) - (select count(*) from same)""",
        load.load_id,
    )
    load.execute(
        """with release as (
               insert into quarantine.release (load_id, mapping, lifted) values ($1, $2, $3) returning release_id
           )
           update quarantine.record q set release_id = r.release_id
           from release r where q.load_id = $1 and q.released_at = now()""",
        load.load_id,
        mapping,
        int(lifted),
    )
    return int(lifted)
