-- Backups and drills: a role that may take a base backup and read no table, and a fingerprint of every table that shows
-- no row. Idempotent; run as the cluster's superuser in the warehouse database after policies.sql.
do $$ begin execute format('grant connect on database %I to wh_backup', current_database()); end $$;
grant pg_read_all_settings to wh_backup;
grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(),
    pg_create_restore_point(text) to wh_backup;

set role wh_owner;
create table if not exists ops.backup (           -- what was backed up or verified, where, and whether it is whole
    backup_id bigint generated always as identity primary key,
    kind text not null check (kind in ('database', 'keystore', 'files')),
    repo int not null check (repo in (1, 2)),
    action text not null check (action in ('backup', 'verify')),
    label text,
    bytes bigint,
    seconds double precision not null,
    status text not null check (status in ('ok', 'failed')),
    reason text,
    at timestamptz not null default clock_timestamp()
);
create table if not exists ops.drill (            -- a restore that was tried and compared with what the warehouse held
    drill_id bigint generated always as identity primary key,
    repo int not null check (repo in (1, 2)),
    target timestamptz not null,
    tables int not null,
    rows bigint not null,
    mismatched text[] not null,
    seconds double precision not null,
    status text not null check (status in ('ok', 'failed')),
    reason text,
    at timestamptz not null default clock_timestamp()
);
-- What each repository holds of each kind, and how it went when it was last read again and last restored.
create or replace view ops.backup_state (
    kind, repo, backed_up_at, bytes, backup_status, verified_at, verify_status, drilled_at, drill_status) as
select b.kind, b.repo,
       max(b.at) filter (where b.action = 'backup' and b.status = 'ok'),
       (array_agg(b.bytes order by b.at desc) filter (where b.action = 'backup' and b.status = 'ok'))[1],
       (array_agg(b.status order by b.at desc) filter (where b.action = 'backup'))[1],
       max(b.at) filter (where b.action = 'verify'),
       (array_agg(b.status order by b.at desc) filter (where b.action = 'verify'))[1],
       d.at, d.status
from ops.backup b
left join lateral (
    select at, status from ops.drill where drill.repo = b.repo and b.kind = 'database' order by at desc limit 1) d on true
group by b.kind, b.repo, d.at, d.status;
reset role;
revoke all on ops.backup, ops.drill, ops.backup_state from wh_transform;
grant insert, select on ops.backup, ops.drill to wh_ops;
grant select on ops.backup, ops.drill, ops.backup_state to wh_administrator;

-- Rows and a hash of every logged table, whatever their order: equal before and after a restore, or the restore is wrong.
-- Unlogged tables are empty after a restore by design; they are rebuilt.
create or replace function ops.fingerprint()
returns table (table_name text, row_count bigint, hash text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set bytea_output = 'hex'
set extra_float_digits = 1 as $$
declare
    this record;
begin
    for this in
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and c.relpersistence = 'p'
          and n.nspname !~ '^(pg_|information_schema$)'
          and (n.nspname, c.relname) not in (('ops', 'backup'), ('ops', 'drill'))
        order by 1, 2
    loop
        table_name := this.nspname || '.' || this.relname;
        execute format(
            'select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from %I.%I t',
            this.nspname, this.relname) into row_count, hash;
        return next;
    end loop;
end
$$;
alter function ops.fingerprint() owner to wh_fingerprint;
revoke all on function ops.fingerprint() from public;
grant execute on function ops.fingerprint() to wh_ops;
