-- Who may do what, and the functions that row policies ask. Deny first. Idempotent.
-- dbt applies the policies of marts inside its own transaction (dbt_project/macros/row_security.sql).
set role wh_owner;

-- The sites the person behind this session may read. What policies ask is parallel safe, or no filtered query would have a
-- parallel plan. session_user cannot be changed from SQL.
create or replace function access.sites_of(login text) returns text[]
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(g.site order by g.site), '{}')
    from access.reader r join access.site_grant g using (username)
    where 'wh_u_' || r.username = sites_of.login
      and r.revoked_at is null
      and now() < coalesce(r.valid_until, 'infinity')
      and now() < r.review_due
      and now() < coalesce(g.valid_until, 'infinity')
$$;
create or replace function access.my_sites() returns text[]
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
    select access.sites_of(session_user)
$$;

-- Persons whose rows no reader sees for now.
create or replace function access.restricted() returns bigint[]
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(person_key), '{}') from access.restriction
$$;

-- What a reader's rows depend on beside the rows, as one word: whoever keeps an answer asks whether it would be the same.
create or replace function access.sight(username text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select md5(row(access.sites_of('wh_u_' || sight.username), (select array_agg(person_key order by person_key) from access.restriction))::text)
$$;

-- The role of the person behind this session; null when unknown, expired or revoked.
create or replace function access.my_role() returns text
language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
    select r.role from access.reader r
    where 'wh_u_' || r.username = session_user
      and r.revoked_at is null and now() < coalesce(r.valid_until, 'infinity') and now() < r.review_due
$$;

-- What a reader's login may still do: nothing after their date, after an unanswered review, or in a lock-down.
create or replace function access.enforce(username text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    login text := 'wh_u_' || enforce.username;
    this access.reader;
    locked boolean := exists (select from access.lockdown where lifted_at is null);
begin
    select * into this from access.reader r where r.username = enforce.username;
    if not found then raise exception 'no such reader'; end if;
    execute format('alter role %I %s valid until %L', login,
        case when this.revoked_at is null and not locked then 'login' else 'nologin' end,
        least(this.valid_until, this.review_due));
    if this.revoked_at is not null or locked then
        perform pg_terminate_backend(pid) from pg_stat_activity where usename = login;
    end if;
end
$$;

-- Somebody looked at a reader's grants and lets them stand.
create or replace function access.confirm(username text, reviewer text, period interval) returns timestamptz
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    due timestamptz := clock_timestamp() + period;
begin
    update access.reader r set review_due = due where r.username = confirm.username and r.revoked_at is null;
    if not found then raise exception 'no such reader'; end if;
    insert into access.review (username, reviewer, review_due) values (confirm.username, confirm.reviewer, due);
    perform access.enforce(confirm.username);
    return due;
end
$$;

-- Every reader's login off in one transaction, and their sessions ended; and back for those who may. How many.
create or replace function access.lock_down() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from access.lockdown where lifted_at is null) then
        insert into access.lockdown default values;
    end if;
    update access.session s set ended_at = clock_timestamp() where s.ended_at is null;
    perform access.enforce(r.username) from access.reader r;
    return (select count(*) from access.reader);
end
$$;
create or replace function access.lift_lockdown() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update access.lockdown set lifted_at = clock_timestamp() where lifted_at is null;
    perform access.enforce(r.username) from access.reader r;
    return (select count(*) from access.reader r where r.revoked_at is null);
end
$$;

-- Create or change a reader: a login role that can do nothing but what its group may. verifier: SCRAM, never a password.
create or replace function access.provision(username text, role text, verifier text, sites text[], valid_until timestamptz)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    login text := 'wh_u_' || provision.username;
    other text;
begin
    if provision.username !~ '^[a-z][a-z0-9_]{0,39}$' then raise exception 'bad username'; end if;
    if verifier !~ '^SCRAM-SHA-256\$' then raise exception 'a SCRAM verifier is expected'; end if;
    insert into access.reader as r (username, role, valid_until)
    values (provision.username, provision.role, provision.valid_until)
    on conflict on constraint reader_pkey do update
        set role = excluded.role, valid_until = excluded.valid_until, revoked_at = null,
            review_due = case when r.revoked_at is null then r.review_due else excluded.review_due end;
    delete from access.site_grant g where g.username = provision.username and g.site <> all (sites);
    insert into access.site_grant (username, site, valid_until)
    select provision.username, s, provision.valid_until from unnest(sites) s
    on conflict on constraint site_grant_pkey do update set valid_until = excluded.valid_until;
    if not exists (select from pg_roles where rolname = login) then
        execute format('create role %I login nosuperuser nobypassrls nocreaterole nocreatedb', login);
    end if;
    execute format('alter role %I password %L connection limit 20', login, verifier);
    execute format('alter role %I set default_transaction_read_only = on', login);
    execute format('alter role %I set statement_timeout = ''60s''', login);
    execute format('alter role %I set search_path = marts, population', login);
    foreach other in array array['wh_analyst', 'wh_health_manager', 'wh_management', 'wh_administrator', 'wh_auditor'] loop
        if other = 'wh_' || provision.role then
            execute format('grant %I to %I', other, login);
        elsif pg_has_role(login, other, 'member') then
            execute format('revoke %I from %I', other, login);
        end if;
    end loop;
    perform access.enforce(provision.username);
end
$$;

-- One site more, or the same one until another day; and one site less.
create or replace function access.grant_site(username text, site text, valid_until timestamptz)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
    insert into access.site_grant (username, site, valid_until)
    values (grant_site.username, grant_site.site, grant_site.valid_until)
    on conflict on constraint site_grant_pkey do update set valid_until = excluded.valid_until, granted_at = clock_timestamp()
$$;

create or replace function access.revoke_site(username text, site text)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
    delete from access.site_grant g where g.username = revoke_site.username and g.site = revoke_site.site
$$;

-- Where a reader's reports go; null: nowhere.
create or replace function access.set_email(username text, email text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update access.reader r set email = set_email.email where r.username = set_email.username;
    if not found then raise exception 'no such reader'; end if;
end
$$;

-- Take a reader's access away now: no new connection, and the open ones end.
create or replace function access.revoke(username text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update access.reader r set revoked_at = clock_timestamp() where r.username = revoke.username;
    if not found then raise exception 'no such reader'; end if;
    update access.session s set ended_at = clock_timestamp() where s.username = revoke.username and s.ended_at is null;
    perform access.enforce(revoke.username);
end
$$;

-- Events of readers of single sites that show persons of none of these. Erased persons are of no site any more.
create or replace function access.foreign_reads(since timestamptz)
returns table (event_id bigint, at timestamptz, reader text, action text, persons bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select e.event_id, e.at, e.reader, e.action, count(*)
    from audit.event e cross join unnest(e.persons) p (person_key)
    join access.reader r on 'wh_u_' || r.username = e.reader and r.role in ('analyst', 'health_manager')
    where e.at >= since
      and exists (select from vault.person_site s where s.person_key = p.person_key)
      and not exists (
          select from vault.person_site s join access.site_grant g using (site)
          where s.person_key = p.person_key and g.username = r.username and e.at < coalesce(g.valid_until, 'infinity'))
    group by 1, 2, 3, 4
$$;
-- Logins that an earlier version made carry no date yet.
select access.enforce(username) from access.reader;
reset role;

revoke all on all functions in schema access, audit from public;

grant usage on schema access to wh_access, wh_ingest, wh_identity, wh_transform, wh_analyst, wh_health_manager, wh_management, wh_administrator, wh_auditor;
grant execute on function access.my_sites(), access.my_role(), access.restricted() to wh_analyst, wh_health_manager, wh_management, wh_administrator, wh_auditor;
grant execute on function access.provision(text, text, text, text[], timestamptz), access.revoke(text),
    access.grant_site(text, text, timestamptz), access.revoke_site(text, text), access.lock_down(), access.lift_lockdown(),
    access.confirm(text, text, interval), access.set_email(text, text) to wh_access;
grant select, insert on access.grant_snapshot to wh_access;
grant select on access.lockdown, access.review to wh_access, wh_administrator;
grant select on access.grant_snapshot to wh_administrator;
grant select on access.reader, access.site_grant to wh_access, wh_administrator;
grant select, insert, delete on access.restriction to wh_access;
grant execute on function access.restricted() to wh_transform;
grant usage on schema access to wh_ops;
grant execute on function access.foreign_reads(timestamptz) to wh_ops;

revoke usage on schema audit from wh_ingest, wh_identity, wh_access, wh_analyst, wh_health_manager;
grant usage on schema audit to wh_audit, wh_ops, wh_auditor;
grant execute on function audit.record(text, text, text, text, bigint[], bigint) to wh_audit;
grant select on audit.event to wh_auditor, wh_ops;
grant execute on function audit.first_break() to wh_auditor, wh_ops;

grant usage on schema vault to wh_ingest, wh_identity;
grant select, insert, update, delete on all tables in schema vault to wh_ingest;
grant select on all tables in schema vault to wh_identity;

grant usage on schema landing, quarantine to wh_ingest;
grant select, insert, update, delete on all tables in schema landing, quarantine to wh_ingest;
grant usage on schema landing to wh_transform;
grant select on landing.person, landing.exam, landing.observation, landing.questionnaire, landing.questionnaire_answer, landing.question,
    landing.follow_up, landing.call_recording, landing.outcome, landing.consultation, landing.card, landing.intervention, landing.care_plan to wh_transform;
grant usage on schema landing to wh_identity;
grant select on landing.call_recording to wh_identity;
grant usage on schema quarantine to wh_transform;
grant select (load_id, row_number, field, reason, expected, count, released_at) on quarantine.record to wh_transform;
grant usage on schema quarantine to wh_administrator;
grant select (load_id, field, reason, expected, count, released_at) on quarantine.record to wh_administrator;

grant usage on schema ops to wh_ingest, wh_transform, wh_model, wh_ops, wh_administrator;
grant select, insert, update, delete on ops.load, ops.resend to wh_ingest;
-- the gate goes by its last results: who parses files does not write them
revoke insert on ops.gate_result from wh_ingest, wh_ops;
grant select on ops.gate_result to wh_ingest;
grant insert, select on ops.gate_result, ops.model_run to wh_transform;
grant insert, select on ops.model_run to wh_ops;
grant insert on ops.alert, ops.report to wh_ops;
-- named one by one: what a later script makes is granted there, however often this one runs
grant select on ops.load, ops.resend, ops.gate_result, ops.model_run, ops.alert to wh_transform, wh_ops, wh_administrator;
grant select on ops.report to wh_ops, wh_administrator;

grant usage on schema risk to wh_model, wh_transform;
grant select, insert, update, delete on all tables in schema risk to wh_model;
grant select on all tables in schema risk to wh_transform;

grant usage on schema reference, marts to wh_model;
grant usage on schema reference to wh_ingest, wh_ops;
grant usage on schema marts to wh_analyst, wh_health_manager, wh_ops;
grant usage on schema population to wh_management, wh_analyst, wh_ops;

grant usage on schema vault, landing, audit to wh_pgaudit;
grant select, insert, update, delete on vault.person, vault.audio_key, landing.original to wh_pgaudit;
grant update, delete on vault.identifier, audit.event to wh_pgaudit;
