# ruff: noqa: S608, E501 (nothing of this comes from outside; one statement a line)
"""Generated SQL that tries to reach rows of other sites: as an analyst writes it, or somebody with worse in mind."""

from __future__ import annotations

import random

TABLES = (
    "dim_person", "fct_exam", "fct_observation", "fct_indicator_trend", "fct_risk_score", "fct_follow_up_due",
    "fct_person_tag", "fct_advice", "fct_call_recording", "person_timeline",
)  # fmt: skip
FOREIGN = ("vault.person_site", "landing.exam", "landing.person", "access.site_grant", "risk.score", "quarantine.record",
           "marts_next.dim_person", "intermediate.int_exam__interpreted", "pg_authid")  # fmt: skip
ROLES = ("wh_transform", "wh_owner", "wh_u_analyst_sh", "wh_u_analyst_hz", "postgres", "wh_identity", "none")
SITES = ("hz", "sh", "cd", "")


def query(dice: random.Random) -> str:
    """One statement, or several; whatever rows it gives have a column ``site``."""
    table, other, role, site = dice.choice(TABLES), dice.choice(TABLES), dice.choice(ROLES), dice.choice(SITES)
    alias = dice.choice(("d", "x", table, "pg_class", "site_grant"))
    where = dice.choice((
        "", f" where site = '{site}'", f" where site <> '{site}' or true", " where 1 = 1 or site is null",
        " where person_key in (select person_key from marts.dim_person)", f" where site like '%{site[:1]}%'",
        " where not exists (select from access.my_sites() s where false)",
    ))  # fmt: skip
    plain = f"select site from marts.{table} {alias if alias != table else ''}{where}"
    return dice.choice((
        plain,
        f"with {alias} as (select * from marts.{table}) select site from {alias}{where}",
        f"with recursive r as (select site, 1 as n from marts.{table} union select site, n + 1 from r where n < 3)"
        " select site from r",
        f"{plain} union select site from marts.{other}",
        f"select site from marts.{table} except select site from marts.{other} where false",
        f"{plain} intersect select site from marts.{other}",
        f"select a.site from marts.{table} a join marts.{other} b using (person_key)",
        f"select b.site from marts.{table} a full join marts.{other} b on a.person_key <> b.person_key limit 50",
        f"select a.site from marts.{table} a cross join lateral (select 1 from marts.{other} o limit 1) l",
        f"select (row_to_json(t) ->> 'site') as site from marts.{table} t",
        f"select max(site) as site from marts.{table} group by grouping sets ((site), ())",
        f"select first_value(site) over (order by random()) as site from marts.{table}",
        f"select site from (table marts.{table}) t offset {dice.randrange(5)} limit {dice.randrange(1, 90)}",
        f"select site from marts.{table} tablesample bernoulli ({dice.randrange(1, 100)})",
        f"select site from {dice.choice(FOREIGN)}",
        f"set role {role}; {plain}",
        f"set session authorization {role}; {plain}",
        f"set local row_security = off; {plain}",
        f"select set_config('role', '{role}', {dice.choice(('true', 'false'))}), site from marts.{table}",
        f"with c as materialized (select pg_catalog.set_config('role', '{role}', false) r) {plain.replace('select site', 'select site', 1)}",
        f"prepare p as {plain}; execute p",
        f"explain (analyze, verbose) {plain}",
        f"explain (format json) {plain}",
        f"do $$ begin execute 'set role {role}'; end $$; {plain}",
        f"declare c cursor with hold for {plain}; fetch all from c",
        f"copy (select site from marts.{table}) to stdout",
        f"select query_to_xml('select site from marts.{table}', true, false, '')::text as site",
        f"select cast(site as int) as site from marts.{table} where site = '{site}'",
        f"select site from marts.{table} where 1 = cast(site as int)",
        f"select most_common_vals::text as site from pg_stats where tablename = '{table}' and attname = 'site'",
        f"create temp view {alias}_v as {plain}; select site from {alias}_v",
        f"select site from marts.{table} for update",
        f"select string_agg(distinct site, ',') as site from marts.{table}",
        f"select site from dblink('dbname=wellhouse user=postgres', 'select site from marts.{table}') as t(site text)",
        f"values ((select max(site) from marts.{table}))",
        f"select t.site from marts.{table} t, access.my_sites() m where not (t.site = any (m))",
        f"(select site from marts.{table} limit 3) union all (select site from marts.{other} limit 3)",
        f"select site /* ' */ from marts.{table} -- ) or true\n",
        f"select coalesce(site, '{site}') as site from marts.{table} where false or site >= ''",
    ))  # fmt: skip


def chart(dice: random.Random) -> dict[str, object]:
    """What a forged chart asks for beside its columns."""
    site = dice.choice(SITES)
    return dice.choice((
        {"filters": [{"col": "site", "op": dice.choice(("==", "!=", "LIKE")), "val": site}]},
        {"filters": [{"col": "site", "op": dice.choice(("IN", "NOT IN")), "val": list(SITES)}]},
        {"filters": [{"col": {"expressionType": "SQL", "label": "x", "sqlExpression": "1"}, "op": "==", "val": 1}]},
        {"extras": {"where": dice.choice(("1 = 1) OR (1 = 1", f"site = '{site}' OR 1 = 1", "true) or (site is not null"))}},
        {"extras": {"having": "1 = 1 OR 1 = 1"}},
        {"extras": {"where": "site IN (SELECT site FROM marts.dim_site)"}},
        {"columns": ["site", {"expressionType": "SQL", "label": "y", "sqlExpression": "(select max(site) from marts.dim_person)"}]},
        {"metrics": [{"expressionType": "SQL", "label": "m", "sqlExpression": "max(site)"}]},
        {"row_offset": dice.randrange(40)}, {"row_limit": dice.randrange(1, 400)}, {"is_timeseries": False},
        {"post_processing": [{"operation": "select", "options": {"columns": ["site"]}}]},
    ))  # fmt: skip
