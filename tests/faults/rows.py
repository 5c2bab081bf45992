"""What a cluster holds, said so that two clusters that read the same files say the same: every key in it is random."""

from __future__ import annotations

from wellhouse.crypto.keyring import Keyring
from wellhouse.ops.bootstrap import administrator
from wellhouse.settings import Settings

TABLES = """
    select n.nspname || '.' || c.relname,
           array_agg(a.attname::text) filter (where a.attname ~ '(_key|_id|^sealed|^object|^at|_at)$'),
           bool_or(a.attname = 'person_key'), bool_or(a.attname = 'row_number')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind = 'r' and (n.nspname = 'landing' or (n.nspname, c.relname) = ('quarantine', 'record'))
    group by 1 order by 1
"""
PERSONS = """
    create temporary table who as
    select person_key, min(said) as said from ({every}) every group by person_key
"""
HASH = """
    select count(*)::text || ' rows, hash ' || coalesce(sum(hashtextextended(
        ((to_jsonb(t) - %s::text[]) || jsonb_build_object('load', l.sha256, 'person', {person}))::text, 0
    )::numeric), 0)::text
    from {table} t join ops.load l using (load_id) {join}
"""
LEDGER = """
    select count(*)::text || ' files, ' || sum(rows_read)::text || ' read, hash ' || sum(hashtextextended(
        (sha256, status, reason, rows_read, rows_loaded, rows_quarantined, rows_duplicate, observations_read,
         observations_loaded, observations_quarantined, observations_duplicate)::text, 0)::numeric)::text
    from ops.load
"""


def held(of: Settings, keys: bool = True) -> dict[str, str]:
    """Table → its number of rows and a hash: of the file and the row each came from, of every value that is no random
    key, and, for the person, of the first record that was ever about them.

    :param keys: whether every person's data key is looked for, too; the keystore must open
    """
    found = {}
    with administrator(of, of.database) as server:
        tables = server.execute(TABLES).fetchall()
        every = " union all ".join(
            f"select t.person_key, l.sha256 || ':' || lpad(t.row_number::text, 9, '0') as said "  # noqa: S608
            f"from {name} t join ops.load l using (load_id) where t.person_key is not null"
            for name, _, person, row in tables if person and row
        )  # fmt: skip
        server.execute(PERSONS.format(every=every).encode())
        for name, volatile, person, _ in tables:
            join = "left join who p on p.person_key = t.person_key" if person else ""
            query = HASH.format(table=name, join=join, person="p.said" if person else "null")
            (found[name],) = server.execute(query.encode(), (volatile,)).fetchone() or ("",)
        (found["ledger"],) = server.execute(LEDGER).fetchone() or ("",)
        (found["persons"],) = server.execute("select count(*)::text from vault.person").fetchone() or ("",)
        (found["identifiers"],) = server.execute("select count(*)::text from vault.identifier").fetchone() or ("",)
        known = [key for (key,) in server.execute("select key_id from vault.person").fetchall()]
        objects = {name for (name,) in server.execute("select object from landing.call_recording").fetchall()}
    if keys:
        with Keyring.open(of) as ring:
            found["persons without their key"] = str(len(set(known) - set(ring.data_keys(known))))
    store = of.var / "recordings"
    there = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()} if store.exists() else set()
    found["recordings without audio, audio without a row"] = f"{len(objects - there)}, {len(there - objects)}"
    return found
