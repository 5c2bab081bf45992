-- Who is cleared for what until when, reviews, lock-downs, restrictions. Idempotent; functions are in policies.sql.
set role wh_owner;
create table if not exists access.reader (
    username text primary key check (username ~ '^[a-z][a-z0-9_]{0,39}$'),
    role text not null check (role in ('analyst', 'health_manager', 'management', 'administrator', 'auditor')),
    valid_until timestamptz,
    revoked_at timestamptz,
    created_at timestamptz not null default clock_timestamp()
);
create table if not exists access.site_grant (
    username text not null references access.reader on delete cascade,
    site text not null,
    valid_until timestamptz,
    granted_at timestamptz not null default clock_timestamp(),
    primary key (username, site)
);
-- A reader whom nobody confirms in a review loses access on that day; nobody has to do anything for it.
alter table access.reader add column if not exists review_due timestamptz not null
    default clock_timestamp() + interval '90 days';
-- Where scheduled reports go; null: nowhere.
alter table access.reader add column if not exists email text check (email ~ '^[^@[:space:],;<>"]+@[^@[:space:],;<>"]+$');
create table if not exists access.review (
    review_id bigint generated always as identity primary key,
    username text not null references access.reader on delete cascade,
    reviewer text not null,
    reviewed_at timestamptz not null default clock_timestamp(),
    review_due timestamptz not null
);
-- Every grant in force when a review looked, and whether it is declared.
create table if not exists access.grant_snapshot (
    taken_at timestamptz not null,
    system text not null,                         -- postgres, superset, airflow
    principal text not null,
    kind text not null,
    object text not null,
    verbs text not null,
    declared boolean not null,
    primary key (taken_at, system, principal, kind, object)
);
-- While a line stands, no reader can log in.
create table if not exists access.lockdown (
    locked_at timestamptz primary key default clock_timestamp(),
    lifted_at timestamptz
);
-- Persons whose rows nobody reads for now: restriction of processing, withdrawn consent.
create table if not exists access.restriction (
    person_key bigint primary key,
    purpose text not null,
    since timestamptz not null default clock_timestamp()
);
reset role;
