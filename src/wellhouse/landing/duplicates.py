"""What a load brings that is there already: found and resolved in SQL, in the load's own transaction.

A record's key is the source's own number of it, or person and day. Same key and same content as the latest version:
a duplicate. Other content in another file: a correction, kept beside the old one; dbt takes the latest. Other content
in the same file: the later one is quarantined, unless its status says that it supersedes: a correction, a result taken
back, the final result after a preliminary one.
"""

from __future__ import annotations

import numpy as np

from wellhouse.landing import documents, families
from wellhouse.landing.families import FAMILIES, OWN_NUMBER, SAME_EXAM_DAYS, Family, Resolved, array_of
from wellhouse.landing.load import Load, Rows

_EXAMPLES = 3
_FEW_ROWS = 2_000


def resolve(
    load: Load, family: Family, suspects: Rows, told_in_parts: bool = False, told_whole: bool = False
) -> Resolved:
    """Resolve one family of tables of a load.

    :param suspects: keys that stand in this file more than once; those that other loads brought are found here
    :param told_in_parts: messages tell one exam over several days, and each its own: the first day is the exam's
    :param told_whole: a document lists all its parts: those of an earlier version that it has no longer are taken back
    """
    resolved = Resolved(np.empty(0, np.int64), np.empty(0, np.int64))
    if told_whole and family.whole:
        _plan(load, load.rows <= _FEW_ROWS)
        documents.told_after(load, family, resolved)
        documents.take_back(load, family)
        _plan(load, True)
    keys = np.union1d(suspects, _known(load, family))
    if not len(keys):
        return resolved
    _plan(load, load.rows <= _FEW_ROWS)
    listed = array_of(keys)
    _other_persons(load, family, listed, resolved)
    if family.head == "exam":
        if told_in_parts:
            _first_days(load, listed)
        else:
            _other_days(load, listed, resolved)
        _of_another_result(load, family, listed, resolved)
    if family.detail:
        _details(load, family, listed, suspects, resolved, told_in_parts)
    _heads(load, family, listed, resolved)
    return resolved


def _plan(load: Load, loops: bool) -> None:
    """Whether rows may be looked up one by one, in the rest of the transaction.

    The planner knows nothing yet of rows that this transaction wrote and takes them for one: it would loop over
    millions. A message of a few rows is looked up by the keys' indexes; joined otherwise, it reads the whole history.
    """
    load.execute(f"set local enable_nestloop = {'on' if loops else 'off'}")


def remaining(load: Load, family: Family, rows: Rows, by_detail: bool) -> Rows:
    """Those of ``rows`` that still have something landed; ``by_detail``: a record is its one result."""
    tables = [family.detail] if by_detail else [family.head, family.detail]
    left = np.empty(0, np.int64)
    for table in (t for t in tables if t):
        found = load.fetch(
            f"select distinct row_number::bigint from landing.{table} where load_id = $1",  # noqa: S608
            load.load_id,
        )
        left = np.union1d(left, found[0])
    return np.intersect1d(rows, left)


def noted(load: Load) -> list[tuple[str, int, str, str, int]]:
    """(reason, row, field, expected, how many) of the first few rejects that were made here."""
    return load.execute(
        """select reason, row_number, field, expected, total from (
               select reason, row_number, field, expected, count(*) over (partition by reason) as total,
                      row_number() over (partition by reason order by row_number) as n
               from quarantine.record
               where load_id = $1 and released_at is null
                     and reason in ('conflicting_value', 'number_of_another_person', 'number_of_another_exam')
           ) r where n <= $2 order by reason, n""",
        load.load_id,
        _EXAMPLES,
    )


def forget_persons(load: Load, heads: list[str], gone: Rows, refused: Rows) -> None:
    """Take back what records of which nothing stays said of their person.

    Kept: a person of whom another record of this file stays, and the news that a duplicate brings of its person.

    :param heads: the tables in which a record of this load may have stayed
    :param gone: rows of which nothing stays; ``refused``: those of them that were quarantined
    """
    stays = " ".join(
        f"and not exists (select from landing.{t} h where h.load_id = $1 and h.person_key = p.person_key)"
        for t in heads
    )
    load.execute(
        f"""with mine as (
                select ctid as place, * from landing.person p
                where load_id = $1 and row_number in (select unnest($2::text::int[])) {stays}
            ), told as (
                select distinct on (person_key, site, what) person_key, site, what, said
                from landing.person o,
                    lateral (values ('sex', o.sex), ('birth_year', o.birth_year::text)) as facts (what, said)
                where load_id <> $1 and said is not null and person_key in (select person_key from mine)
                order by person_key, site, what, load_id desc, row_number desc
            ), news as (
                select place from mine cross join
                    lateral (values ('sex', mine.sex), ('birth_year', mine.birth_year::text)) as facts (what, said)
                    left join told using (person_key, site, what)
                where facts.said is not null and facts.said is distinct from told.said
                    and row_number <> all ($3::text::int[])
            )
            delete from landing.person p using mine
            where p.ctid = mine.place and p.load_id = $1 and mine.place not in (select place from news)""",  # noqa: S608
        load.load_id,
        array_of(gone),
        array_of(refused),
    )


def _known(load: Load, family: Family) -> Rows:
    """Keys of this load that an earlier load brought; each head has an index on its key."""
    return load.fetch(
        f"""select distinct m.{family.key} from landing.{family.head} m
            where m.load_id = $1 and exists (
                select from landing.{family.head} o where o.{family.key} = m.{family.key} and o.load_id <> $1)""",  # noqa: S608
        load.load_id,
    )[0]


def _other_persons(load: Load, family: Family, keys: str, resolved: Resolved) -> None:
    """A number that belongs to somebody else: the records that claim it are quarantined."""
    wrong = f"""
        select distinct h.{family.key}, h.person_key, 0 as after from landing.{family.head} h join (
            select distinct on ({family.key}) {family.key}, person_key from landing.{family.head}
            where {family.key} in (select unnest($2::text::bigint[]))
            order by {family.key}, load_id = $1, load_id, row_number
        ) first using ({family.key}) where h.load_id = $1 and h.person_key <> first.person_key"""  # noqa: S608
    reason = family.key, "number_of_another_person", "a number that no other person's record has"
    families.quarantine(load, family, family.key, wrong, reason, resolved, keys)


def _first_days(load: Load, keys: str) -> None:
    """Results that come in later messages do not move the exam they belong to."""
    load.execute(
        """with first as (
               select distinct on (exam_key) exam_key, exam_date, age_years from landing.exam
               where exam_key in (select unnest($2::text::bigint[]))
               order by exam_key, exam_date, load_id, row_number)
           update landing.exam m set exam_date = first.exam_date, age_years = first.age_years from first
           where m.load_id = $1 and m.exam_key = first.exam_key and m.exam_date > first.exam_date""",
        load.load_id,
        keys,
    )


def _other_days(load: Load, keys: str, resolved: Resolved) -> None:
    """A number of an exam on quite another day is the person's: under it last year's results would be this year's."""
    wrong = f"""
        select h.exam_key, h.person_key, min(h.row_number) - 1 as after from landing.exam h join (
            select distinct on (exam_key) exam_key, exam_date from landing.exam
            where exam_key in (select unnest($2::text::bigint[])) order by exam_key, load_id = $1, load_id, row_number
        ) first using (exam_key) where h.load_id = $1 and abs(h.exam_date - first.exam_date) > {SAME_EXAM_DAYS}
        group by h.exam_key, h.person_key"""  # noqa: S608
    reason = "exam_number", "number_of_another_exam", OWN_NUMBER
    families.quarantine(load, FAMILIES["exam"], "exam_key", wrong, reason, resolved, keys)


def _of_another_result(load: Load, family: Family, keys: str, resolved: Resolved) -> None:
    """What is taken back says what it was; where something else stands, that is another result, and goes on standing.

    So it is with a typo that was first corrected by a result of its own, and then withdrawn.
    """
    back = "('cancelled', 'entered-in-error')"
    other = f"""
        with versions as (
            select ctid as place, load_id, row_number, {family.key} as key, {family.item} as item,
                   {family.status} as status, coalesce(value::text, value_text) as said
            from landing.{family.detail}
            where {family.key} in (select unnest($2::text::bigint[])) and load_id = any(array(
                select distinct load_id from landing.{family.head}
                where {family.key} in (select unnest($2::text::bigint[]))))
        )
        select place, true as conflict from (
            select distinct on (t.place) t.place, s.said is distinct from t.said as other
            from versions t join versions s using (key, item)
            where t.load_id = $1 and t.status in {back} and t.said is not null
                and s.status not in {back} and (s.load_id < $1 or s.row_number < t.row_number)
            order by t.place, {latest_first("s.status", "s.")}
        ) spoken where other"""  # noqa: S608
    _count(resolved, *_gone(load, family, other, keys, expected="the value of the result that is taken back"))


def _details(load: Load, family: Family, keys: str, suspects: Rows, resolved: Resolved, told_in_parts: bool) -> None:
    histories = _within(load, family, array_of(suspects), resolved, told_in_parts) if len(suspects) else suspects
    _between(load, family, keys, array_of(histories), resolved)
    if len(histories):
        _told_before(load, family, array_of(histories), resolved)


def _within(load: Load, family: Family, suspects: str, resolved: Resolved, told_in_parts: bool) -> Rows:
    """A result that this file gives again: the same is a duplicate; another supersedes by its status or is a conflict.

    Two of one record and one status contradict each other whatever they say. A later message is a later word, whichever
    messages came into one file: when they did is the listener's clock.

    :returns: keys of which a result keeps several versions
    """
    mine = f"""
        select ctid as place, {family.key} as key, {family.item} as item, row_number, person_key,
               {_content(family)} as content, {family.status} as status, row_number() over w as n
        from landing.{family.detail} where load_id = $1 and {family.key} in (select unnest($2::text::bigint[]))
        window w as (partition by {family.key}, {family.item} order by row_number, ctid)"""  # noqa: S608
    repeats = f"""
        select place, conflict from (
            select *, n > first_value(n) over told as again, first_value(contradicts) over told as conflict
            from (
                select *,
                       {not told_in_parts} and status = 'final'
                           and count(*) filter (where status in ('final', 'corrected')) over before > 0
                       or row_number() over (partition by key, item, row_number, status order by n) > 1 as contradicts
                from ({mine}) mine window before as (
                    partition by key, item order by n rows between unbounded preceding and 1 preceding)
            ) judged window told as (partition by key, item, content order by n)
        ) told where again or conflict"""  # noqa: S608
    _count(resolved, *_gone(load, family, repeats, suspects))
    return load.fetch(
        f"""select distinct key from (
                select {family.key} as key from landing.{family.detail}
                where load_id = $1 and {family.key} in (select unnest($2::text::bigint[]))
                group by {family.key}, {family.item} having count(*) > 1) several""",  # noqa: S608
        load.load_id,
        suspects,
    )[0]


def _between(load: Load, family: Family, keys: str, histories: str, resolved: Resolved) -> None:
    """A result that says what its latest version of another file says."""
    known = f"""
            select d.ctid as place, false as conflict
            from landing.{family.detail} d join ({_earlier(family)}) e
                on d.{family.key} = e.key and d.{family.item} = e.item and {_content(family, "d.")} = e.content
            where d.load_id = $1 and d.{family.key} <> all ($3::text::bigint[])"""  # noqa: S608
    _count(resolved, *_gone(load, family, known, keys, histories))


def _told_before(load: Load, family: Family, histories: str, resolved: Resolved) -> None:
    """A result's versions in this file, when other files told each of them and ended with the same one."""
    known = f"""
            select unnest(places) as place, false as conflict from (
                select key, item, array_agg(d.ctid) as places, bool_and(known) as known,
                       (array_agg(content order by {latest_first(family.status)}))[1] as last
                from (
                    select ctid, *, {family.key} as key, {family.item} as item, {_content(family)} as content,
                           exists (select from landing.{family.detail} o where o.load_id <> $1
                                   and o.{family.key} = m.{family.key} and o.{family.item} = m.{family.item}
                                   and {_content(family, "o.")} = {_content(family, "m.")}) as known
                    from landing.{family.detail} m
                    where load_id = $1 and {family.key} in (select unnest($2::text::bigint[]))
                ) d group by key, item
            ) mine join ({_earlier(family)}) e using (key, item) where known and last = content"""  # noqa: S608
    _count(resolved, *_gone(load, family, known, histories))


def _earlier(family: Family) -> str:
    """The latest version that other files gave of each result of the keys ``$2``."""
    return f"""
        select distinct on ({family.key}, {family.item}) {family.key} as key, {family.item} as item,
               {_content(family)} as content
        from landing.{family.detail}
        where {family.key} in (select unnest($2::text::bigint[])) and load_id = any(array(
            select distinct load_id from landing.{family.head}
            where {family.key} in (select unnest($2::text::bigint[])) and load_id <> $1))
        order by {family.key}, {family.item}, {latest_first(family.status)}"""  # noqa: S608


def latest_first(status: str, of: str = "") -> str:
    """In which order versions of a result count; the model ``stg_exam__observations`` says the same.

    A preliminary result never supersedes; of one record's a correction is the last word, a result taken back the first.
    """
    if status.startswith("'"):
        return f"{of}load_id desc, {of}row_number desc"
    order = "'corrected', 'final', 'preliminary', 'cancelled', 'entered-in-error'"
    latest = f"{of}load_id desc, {of}row_number desc"
    return f"{status} = 'preliminary', {latest}, array_position(array[{order}], {status})"


def _gone(
    load: Load,
    family: Family,
    judged: str,
    *parameters: str,
    expected: str = "the value an earlier row of this file gives",
) -> tuple[Rows, Rows]:
    """Take out what ``judged`` (place, conflict) lists; a conflict is noted. (row, is it a conflict) of each."""
    rows, conflict = load.fetch(
        f"""with judged as ({judged}), gone as (
                delete from landing.{family.detail} d using judged j where d.ctid = j.place and d.load_id = $1
                returning d.row_number, d.{family.item} as item, d.person_key, j.conflict
            ), noted as (
                insert into quarantine.record (load_id, row_number, field, reason, expected, person_key)
                select $1, row_number, item, 'conflicting_value', '{expected}', person_key
                from gone where conflict
            )
            select row_number::bigint, conflict::int::bigint from gone""",  # noqa: S608
        load.load_id,
        *parameters,
    )
    return rows, conflict


def _count(resolved: Resolved, rows: Rows, conflict: Rows) -> None:
    resolved.touched = np.union1d(resolved.touched, rows)
    resolved.conflicting = np.union1d(resolved.conflicting, rows[conflict == 1])
    resolved.conflicts += int(conflict.sum())
    resolved.duplicates += int(len(rows) - conflict.sum())


def _content(family: Family, of: str = "") -> str:
    return f"row({', '.join(of + column for column in family.content)})::text"


def _heads(load: Load, family: Family, keys: str, resolved: Resolved) -> None:
    attributes = f"row({', '.join(family.attributes)})::text"
    left = (
        f"""and not exists (select from landing.{family.detail} d
            where d.load_id = $1 and d.{family.key} = m.key)"""
        if family.detail
        else ""
    )
    rows, conflict = load.fetch(
        f"""with mine as (
                select ctid as place, {family.key} as key, row_number, person_key, {attributes} as content,
                       {family.head_status} as status, row_number() over w as n, lag({attributes}) over w as before,
                       first_value({attributes}) over w as first_content
                from landing.{family.head} where load_id = $1 and {family.key} in (select unnest($2::text::bigint[]))
                window w as (partition by {family.key} order by row_number)
            ), earlier as (
                select distinct on ({family.key}) {family.key} as key, {attributes} as content
                from landing.{family.head} where {family.key} in (select unnest($2::text::bigint[])) and load_id <> $1
                order by {family.key}, load_id desc, row_number desc
            ), judged as (
                select m.*, n > 1 and m.content <> first_content as conflict
                from mine m left join earlier e using (key)
                where n > 1 and (m.status = 'final' or m.content = m.before) or (m.content = e.content {left})
            ), gone as (
                delete from landing.{family.head} d using judged j where d.ctid = j.place and d.load_id = $1
                returning j.row_number, j.person_key, j.conflict
            ), noted as (
                insert into quarantine.record (load_id, row_number, field, reason, expected, person_key)
                select $1, row_number, '{family.attributes[0]}', 'conflicting_value',
                       'what an earlier row of this file says of the same number', person_key
                from gone where conflict
            )
            select row_number::bigint, conflict::int::bigint from gone""",  # noqa: S608
        load.load_id,
        keys,
    )
    resolved.touched = np.union1d(resolved.touched, rows)
    resolved.conflicting = np.union1d(resolved.conflicting, rows[conflict == 1])


def outcomes(load: Load) -> None:
    """An outcome that says what the latest one of this person and event says, or that this file says twice."""
    load.execute(
        """with mine as (
               select ctid as place, person_key, site, event_code, row_number,
                      row(origin_date, time_days, observed)::text as content,
                      row_number() over w as n,
                      first_value(row(origin_date, time_days, observed)::text) over w as first_content
               from landing.outcome where load_id = $1
               window w as (partition by person_key, site, event_code order by row_number)
           ), earlier as (
               select distinct on (person_key, site, event_code) person_key, site, event_code,
                      row(origin_date, time_days, observed)::text as content
               from landing.outcome where load_id <> $1 order by person_key, site, event_code, load_id desc
           ), gone as (
               delete from landing.outcome o using (
                   select m.*, n > 1 and m.content <> first_content as conflict
                   from mine m left join earlier e using (person_key, site, event_code)
                   where n > 1 or m.content = e.content
               ) j where o.ctid = j.place and o.load_id = $1
               returning j.row_number, j.event_code, j.person_key, j.conflict
           )
           insert into quarantine.record (load_id, row_number, field, reason, expected, person_key)
           select $1, row_number, event_code, 'conflicting_value', 'the outcome an earlier row of this file gives',
                   person_key
           from gone where conflict""",
        load.load_id,
    )
