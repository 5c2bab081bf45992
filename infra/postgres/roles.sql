-- Database roles: one per kind of work. Idempotent; run as the cluster's superuser in the warehouse database.
-- Passwords of login roles are set by `wellhouse ops bootstrap` as SCRAM verifiers, never in clear.
do $$
declare
    name text;
begin
    -- wh_owner owns the schemas and the definer functions; nobody logs in as it.
    foreach name in array array['wh_owner', 'wh_analyst', 'wh_health_manager', 'wh_management', 'wh_administrator', 'wh_auditor', 'wh_pgaudit'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin nosuperuser nobypassrls noinherit', name);
        end if;
    end loop;
    foreach name in array array['wh_ingest', 'wh_identity', 'wh_transform', 'wh_model', 'wh_ops', 'wh_access', 'wh_audit', 'wh_backup', 'wh_signin'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I login nosuperuser nobypassrls', name);
        end if;
    end loop;
end
$$;
-- access.provision() creates the readers' login roles and access.revoke() ends their sessions; nothing else needs either.
alter role wh_owner createrole inherit;
grant pg_signal_backend to wh_owner;
-- ops.fingerprint() counts and hashes the rows of every table, past row security, and shows none; nobody logs in as its owner.
do $$
begin
    if not exists (select from pg_roles where rolname = 'wh_fingerprint') then
        create role wh_fingerprint nologin nosuperuser bypassrls;
    end if;
end
$$;
grant pg_read_all_data to wh_fingerprint;
-- What wh_pgaudit may touch is what the server logs (pgaudit's object audit). dbt's own statements are in its artifacts.
alter role wh_transform set pgaudit.log = 'role';
-- What answers a person or looks after things is short; nothing of it may hold locks or old rows for hours.
alter role wh_identity set statement_timeout = '60s';
alter role wh_access set statement_timeout = '60s';
alter role wh_ops set statement_timeout = '2h';
alter role wh_identity set idle_in_transaction_session_timeout = '10min';
alter role wh_access set idle_in_transaction_session_timeout = '10min';
alter role wh_ops set idle_in_transaction_session_timeout = '2h';
-- A lock that anybody may take stops whoever waits for it: the audit trail, loads and builds are one at a time by such locks.
do $$
declare
    f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^pg_(try_)?advisory_' loop
        execute format('revoke execute on function %s from public', f);
        execute format('grant execute on function %s to wh_owner, wh_ingest, wh_transform, wh_backup', f);
    end loop;
end
$$;
