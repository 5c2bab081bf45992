-- The audit trail: append-only by privilege, hash-chained by one definer function that only wh_audit may call.
-- Whoever is not the product cannot write a line: not a reader in SQL Lab, not another service. Idempotent.
set role wh_owner;
create table if not exists audit.event (
    event_id bigint primary key,
    at timestamptz not null,
    reader text not null,                         -- wh_u_<reader>, os:<login of a command line>, or a service
    action text not null,
    path text not null,
    purpose text not null,
    persons bigint[] not null,
    rows bigint,
    previous bytea not null,
    hash bytea not null
);

create index if not exists event_at on audit.event (at);

drop function if exists audit.record(text, text, text, bigint[], bigint);
create or replace function audit.record(
    reader text, action text, path text, purpose text, persons bigint[], rows bigint)
returns audit.event language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    last record;
    this audit.event;
begin
    perform pg_advisory_xact_lock(hashtext('wellhouse audit chain'));
    select e.event_id, e.hash into last from audit.event e order by e.event_id desc limit 1;
    this.event_id := coalesce(last.event_id, 0) + 1;
    this.at := clock_timestamp();
    this.reader := record.reader;
    this.action := record.action;
    this.path := record.path;
    this.purpose := record.purpose;
    this.persons := coalesce(record.persons, '{}');
    this.rows := record.rows;
    this.previous := coalesce(last.hash, '\x'::bytea);
    this.hash := audit.digest(this);
    insert into audit.event select this.*;
    return this;
end
$$;

-- What an event's hash is taken over: the previous hash and every field.
create or replace function audit.digest(e audit.event) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select sha256(e.previous || convert_to(jsonb_build_array(
        e.event_id, extract(epoch from e.at), e.reader, e.action, e.path, e.purpose, e.persons, e.rows)::text, 'UTF8'))
$$;

-- The first event that does not follow from the one before it; null: the chain is whole.
create or replace function audit.first_break() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select min(event_id) from (
        select e.event_id,
               e.hash is distinct from audit.digest(e)
               or e.previous is distinct from coalesce(lag(e.hash) over (order by e.event_id), '\x'::bytea)
               or e.event_id is distinct from row_number() over (order by e.event_id) as broken
        from audit.event e
    ) checked where broken
$$;
reset role;
