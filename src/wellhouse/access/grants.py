"""Every grant in force, read from PostgreSQL's catalogue and from the metadata of Superset and Airflow."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from wellhouse import db
from wellhouse.access.readers import Reader
from wellhouse.settings import Settings

BUILT_BY_DBT = ("reference", "staging", "intermediate", "marts", "marts_next", "population", "population_next")
"""Schemas whose tables come and go with the models: grants on them are declared for the whole schema."""
BUILT_IN = {"administrator": "Admin"}
"""A reader's role → the role that Superset and Airflow ship."""

_POSTGRES = """
    with ours as (
        select oid, nspname, nspowner, nspacl from pg_namespace where nspname !~ '^(pg_|information_schema$)'
    ),
    acl as (
        select 'database' as kind, datname::text as object, datdba as owner, 
               coalesce(datacl, acldefault('d', datdba)) as acl
        from pg_database where datname = current_database()
        union all
        select 'schema', nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from ours
        union all
        select case relkind when 'S' then 'sequence' else 'table' end,
               nspname || '.' || case when nspname = any(%(built)s) then '*' else relname end,
               relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
        from pg_class c join ours n on n.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'S')
        union all
        select 'column', nspname || '.' || relname || '.' || attname, relowner, attacl
        from pg_attribute a join pg_class c on c.oid = attrelid join ours n on n.oid = relnamespace
        where attacl is not null and attnum > 0
        union all
        select 'function', p.oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
        from pg_proc p join ours n on n.oid = pronamespace
        where not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    )
    select coalesce(r.rolname, 'public') as principal, kind, object,
           string_agg(distinct lower(privilege_type) || case when is_grantable then '*' else '' end, ' ') as verbs
    from acl cross join lateral aclexplode(acl) x left join pg_roles r on r.oid = x.grantee
    where x.grantee <> owner group by 1, 2, 3
    union all
    select m.rolname, 'member', g.rolname, string_agg(case when admin_option then 'admin' else 'member' end, ' ')
    from pg_auth_members join pg_roles m on m.oid = member join pg_roles g on g.oid = roleid
    where m.rolname !~ '^pg_' group by 1, 3
    union all
    select rolname, 'role', 'attributes', concat_ws(' ', case when rolsuper then 'superuser' end,
           case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
           case when rolreplication then 'replication' end, case when rolbypassrls then 'bypassrls' end,
           case when rolcanlogin then 'login' end)
    from pg_roles where rolname !~ '^pg_' and oid <> 10
    order by 1, 2, 3
"""
_ACCOUNTS = """
    select u.username, 'user', 'role', coalesce(string_agg(r.name, ' ' order by r.name), '')
    from ab_user u left join ab_user_role ur on ur.user_id = u.id left join ab_role r on r.id = ur.role_id
    where u.active group by 1
"""
_PERMISSIONS = """
    select r.name, 'permission', v.name, string_agg(p.name, ' ' order by p.name)
    from ab_role r join ab_permission_view_role pr on pr.role_id = r.id
    join ab_permission_view pv on pv.id = pr.permission_view_id join ab_permission p on p.id = pv.permission_id
    join ab_view_menu v on v.id = pv.view_menu_id where r.name = any(%s) group by 1, 3
"""


@dataclass(frozen=True, order=True)
class Grant:
    """``verbs``: sorted, with a blank between them; a trailing ``*``: may be passed on."""

    system: str
    principal: str
    kind: str
    object: str
    verbs: str


def postgres(of: Settings) -> set[Grant]:
    """Of every role on everything that is ours, owners' own left out; the built-in superuser's, too."""
    with db.connect("wh_ops", of) as connection:
        rows = connection.execute(_POSTGRES, {"built": list(BUILT_BY_DBT)}).fetchall()
    return {_grant("postgres", *row) for row in rows}


def platform(of: Settings, system: str, roles: list[str] | None = None) -> set[Grant]:
    """Accounts and their roles in ``superset`` or ``airflow``, and what ``roles`` may; none before its tables are."""
    try:
        with psycopg.connect(**db.parameters(system, of, system)) as connection:
            rows = connection.execute(_ACCOUNTS).fetchall()
            if roles is not None:
                rows += connection.execute(_PERMISSIONS, (roles,)).fetchall()
    except psycopg.errors.UndefinedTable:
        return set()
    return {_grant(system, *row) for row in rows}


def declared(of: Settings, readers: list[Reader]) -> set[Grant]:
    """What the files and the readers' own list say there should be."""
    folder = of.root / "dashboards" / "access"
    wanted = read(of.root / "infra" / "postgres" / "grants.csv")
    for reader in readers:
        login = db.READER_PREFIX + reader.username
        wanted.add(Grant("postgres", login, "member", f"wh_{reader.role}", "member"))
        if reader.revoked_at is None:
            wanted.add(Grant("superset", reader.username, "user", "role", BUILT_IN.get(reader.role, reader.role)))
            if reader.role == "administrator":
                wanted.add(Grant("airflow", reader.username, "user", "role", "Admin"))
        wanted.add(Grant("postgres", login, "role", "attributes", "login" if reader.revoked_at is None else ""))
    return wanted | permissions(folder / "roles.yaml")


def permissions(file: Path) -> set[Grant]:
    """What ``dashboards/access/roles.yaml`` lets each role do in Superset."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    sets: dict[str, dict[str, list[str]]] = document["permission_sets"]
    found: dict[tuple[str, str], set[str]] = {}
    for name, role in document["roles"].items():
        for each in role["permission_sets"]:
            for view, verbs in sets[each].items():
                found.setdefault((name, view), set()).update(verbs)
        for dataset in role.get("datasets", ()):
            found.setdefault((name, f"dataset {dataset.rpartition('.')[2]}"), set()).add("datasource_access")
    return {_grant("superset", role, "permission", view, " ".join(verbs)) for (role, view), verbs in found.items()}


def drift(found: set[Grant], wanted: set[Grant]) -> set[Grant]:
    """What is in force and not declared; less than declared is no drift, an account may be still to come."""
    may = {(g.system, g.principal, g.kind, g.object): set(g.verbs.split()) for g in wanted}
    extra = set()
    for grant in found:
        more = set(grant.verbs.split()) - may.get((grant.system, grant.principal, grant.kind, grant.object), set())
        if more:
            extra.add(_grant(grant.system, grant.principal, grant.kind, grant.object, " ".join(more)))
    return extra


def read(file: Path) -> set[Grant]:
    """Grants of PostgreSQL as ``infra/postgres/grants.csv`` declares them."""
    with file.open(encoding="utf-8", newline="") as lines:
        return {_grant("postgres", *row) for row in list(csv.reader(lines))[1:]}


def written(grants: set[Grant]) -> str:
    """The same file's text; grants of single readers are not in it, they come and go."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["role", "kind", "object", "verbs"])
    kept = sorted(g for g in grants if not g.principal.startswith(db.READER_PREFIX))
    writer.writerows([g.principal, g.kind, "warehouse" if g.kind == "database" else g.object, g.verbs] for g in kept)
    return out.getvalue()


def _grant(system: str, principal: str, kind: str, name: str, verbs: str) -> Grant:
    if dataset := re.fullmatch(r"\[[^]]*\]\.\[([^]]+)\]\(id:\d+\)", name):
        name = f"dataset {dataset[1]}"
    if kind == "database":
        name = "warehouse"
    # what a build that failed left where it builds: no reader may look in there
    name = name.replace("_next.*", ".*")
    return Grant(system, principal, kind, name, " ".join(sorted(verbs.split())))
