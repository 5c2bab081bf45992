-- Second factors and sessions (wellhouse.signin). Idempotent; run after policies.sql.
set role wh_owner;
-- Signing in. A reader without a second factor may make one until this day, and not afterwards.
alter table access.reader add column if not exists enrol_until timestamptz not null
    default clock_timestamp() + interval '14 days';
create table if not exists access.second_factor (
    username text primary key references access.reader on delete cascade,
    sealed bytea not null,                        -- the TOTP secret, under the system's key
    confirmed_at timestamptz,                     -- null: shown, and not yet answered with a code
    last_step bigint not null default 0           -- a code's time step counts once (RFC 6238 5.2)
);
create table if not exists access.recovery_code (
    username text not null references access.second_factor on delete cascade,
    hash bytea not null,                          -- scrypt, salted by the reader's name
    used_at timestamptz,
    primary key (username, hash)
);
create table if not exists access.failed_sign_in (
    username text primary key references access.reader on delete cascade,
    failures int not null,
    locked_until timestamptz
);
-- A signed-in session of Superset or Airflow: asked at every request, so that ending it here ends it there.
create table if not exists access.session (
    token_hash bytea primary key,                 -- SHA-256 of what the browser or client holds
    username text not null references access.reader on delete cascade,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz
);
-- A program's own session stands for nobody who could be reviewed: `wellhouse access` must work when a review is overdue.
alter table access.session add column if not exists is_program boolean not null default false;
-- How often an address knocked in the window that runs; lost in a crash, which opens nothing for long.
create unlogged table if not exists access.rate (
    key_hash bytea primary key,
    hits int not null,
    ends_at timestamptz not null
);
create index if not exists session_username on access.session (username);
reset role;

grant usage on schema access to wh_signin;
grant select (username, role, valid_until, revoked_at, review_due, enrol_until), update (enrol_until) on access.reader to wh_signin;
grant select on access.site_grant to wh_signin;
-- in a lock-down nobody signs in
grant select on access.lockdown to wh_signin;
grant select, insert, update, delete on access.second_factor, access.recovery_code, access.failed_sign_in, access.session, access.rate to wh_signin;
-- whose answers are kept, and for how long they hold
grant execute on function access.sight(text) to wh_signin;
