-- Schemas and the tables that programs write. dbt builds staging, intermediate, marts and population.
-- Idempotent; run as the cluster's superuser in the warehouse database after roles.sql.
revoke all on schema public from public;
do $$ begin execute format('revoke all on database %I from public', current_database()); end $$;
do $$ begin execute format('grant connect on database %I to wh_ingest, wh_identity, wh_transform, wh_model, wh_ops, wh_access, wh_audit, wh_signin, wh_analyst, wh_health_manager, wh_management, wh_administrator, wh_auditor', current_database()); end $$;
do $$ begin execute format('grant create on database %I to wh_owner', current_database()); end $$;
-- dbt's unit tests compare what a model makes of made-up rows in temporary tables; scores arrive through one
do $$ begin execute format('grant temporary on database %I to wh_transform, wh_model', current_database()); end $$;

create schema if not exists vault authorization wh_owner;
create schema if not exists landing authorization wh_owner;
create schema if not exists quarantine authorization wh_owner;
create schema if not exists ops authorization wh_owner;
create schema if not exists audit authorization wh_owner;
create schema if not exists access authorization wh_owner;
create schema if not exists risk authorization wh_owner;
-- reference: dbt's seeds, no personal data.
create schema if not exists reference authorization wh_transform;
create schema if not exists staging authorization wh_transform;
create schema if not exists intermediate authorization wh_transform;
create schema if not exists marts authorization wh_transform;
create schema if not exists population authorization wh_transform;
-- where dbt builds and tests marts before it shows them: no reader may look in
create schema if not exists marts_next authorization wh_transform;
create schema if not exists population_next authorization wh_transform;

set role wh_owner;

------------------------------------------------------------------------------------------------ ops: the ledger
create table if not exists ops.load (
    load_id bigint generated always as identity primary key,
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    file_name text not null,                      -- masked by the loader where it could name a person
    bytes bigint not null,
    site text,
    source text not null,
    format text not null,
    encoding text,
    mapping text,                                 -- name and version of the mapping that read it
    status text not null check (status in ('loaded', 'quarantined')),
    reason text,                                  -- why the whole file was quarantined
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_quarantined bigint not null,
    rows_duplicate bigint not null,
    observations_read bigint not null default 0,
    observations_loaded bigint not null default 0,
    observations_quarantined bigint not null default 0,
    observations_duplicate bigint not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    run_id text,
    check (rows_read = rows_loaded + rows_quarantined + rows_duplicate),
    check (observations_read = observations_loaded + observations_quarantined + observations_duplicate),
    check (least(rows_loaded, rows_quarantined, rows_duplicate) >= 0)
);
-- A file that came again: known, counted, not read a second time.
create table if not exists ops.resend (
    load_id bigint not null references ops.load on delete cascade,
    resent_at timestamptz not null default clock_timestamp()
);
create table if not exists ops.gate_result (
    gate_id bigint generated always as identity primary key,
    run_id text not null,
    table_name text not null,
    expectations int not null,
    failed int not null,
    critical_failed int not null,
    details jsonb not null,                       -- expectation types, columns and counts; never values
    seconds double precision not null,
    at timestamptz not null default clock_timestamp()
);
-- What rows were checked against, and the transaction before which each of them had been written.
alter table ops.gate_result add column if not exists made_of text, add column if not exists until xid8;
create table if not exists ops.model_run (        -- one row a dbt node a run
    run_id text not null,
    node text not null,
    status text not null,
    rows bigint,
    seconds double precision not null,
    message text,
    at timestamptz not null default clock_timestamp()
);

-- What somebody has to look at; the same thing found again is the same line.
create table if not exists ops.alert (
    alert_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    rule text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    subject text not null,                        -- a reader, a role, a service
    key text not null,
    detail jsonb not null,                        -- counts and names of objects; never a person
    unique (rule, key)
);
-- A report that the mail server took for a recipient: once a period.
create table if not exists ops.report (
    report text not null,
    username text not null,
    period date not null,                         -- its first day
    sent_at timestamptz not null default clock_timestamp(),
    rows bigint not null,
    sha256 text not null,                         -- of the PDF before it was sealed
    primary key (report, username, period)
);

------------------------------------------------------------------------------------------------ vault: identity
create table if not exists vault.person (
    person_key bigint primary key check (person_key between 1 and 9007199254740991),  -- exact in JavaScript too
    key_id text not null,                         -- which data key of the keystore sealed it
    sealed bytea not null,                        -- name, identifiers, phone, birth date … as one sealed document
    digest bytea not null,                        -- keyed digest of that document: did it change?
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp()
);
create table if not exists vault.identifier (
    blind_index bytea primary key,                -- HMAC-SHA256(type, authority, number): never a bare hash
    person_key bigint not null references vault.person on delete cascade,
    identifier_type text not null,                -- id_number, passport, permit, mrn, patient_id
    created_at timestamptz not null default clock_timestamp()
);
alter table vault.identifier add column if not exists first_key bigint; -- whose it was before any merge; null: always this person's
create index if not exists identifier_person_key on vault.identifier (person_key);
-- The same site's person as the site's readers see it: who may reveal whom.
create table if not exists vault.person_site (
    person_key bigint not null references vault.person on delete cascade,
    site text not null,
    primary key (person_key, site)
);

-- What opens a call recording: a key of its own, sealed under the data key of the person who speaks.
create table if not exists vault.audio_key (
    load_id bigint not null,
    person_key bigint not null references vault.person on delete cascade,
    object text primary key,                      -- the audio's name in the store
    sealed_key bytea not null
);

-- Two person keys that a steward found to be one person, and what moved, so that it can move back.
create table if not exists vault.merge (
    merge_id bigint generated always as identity primary key,
    kept_key bigint not null references vault.person on delete cascade,
    gone_key bigint not null references vault.person on delete cascade,
    purpose text not null,
    merged_at timestamptz not null default clock_timestamp(),
    last_load bigint not null,                    -- loads after it may name the person by identifiers of both
    identifiers bytea[] not null,                 -- blind indexes that moved
    sites text[] not null,                        -- sites that the kept person came to
    unmerged_at timestamptz,
    check (kept_key <> gone_key)
);
-- Merges of before `first_key` was kept; the first of several says whose an identifier was.
update vault.identifier i set first_key = m.gone_key
from (select distinct on (b) b, gone_key from vault.merge, unnest(identifiers) as b order by b, merge_id) as m
where i.first_key is null and i.blind_index = m.b and i.person_key <> m.gone_key;
create unique index if not exists merge_gone_key on vault.merge (gone_key) where unmerged_at is null;
create table if not exists vault.merge_row (
    merge_id bigint not null references vault.merge on delete cascade,
    table_name text not null,
    load_id bigint not null,
    row_number int not null
);

------------------------------------------------------------------------------------------------ landing
-- row_number: 1 for the first data record of the file. *_key: keyed 63-bit hashes of the source's own numbers.
create table if not exists landing.person (
    load_id bigint not null,
    row_number int not null,
    person_key bigint not null,
    site text not null,
    sex text check (sex in ('male', 'female')),
    birth_year int
);
create table if not exists landing.exam (
    load_id bigint not null,
    row_number int not null,
    exam_key bigint not null,
    person_key bigint not null,
    site text not null,
    exam_date date not null,
    age_years int,
    exam_type text,
    package text,
    employer_key bigint                           -- keyed hash of the employer's name at this site
);
alter table landing.exam add column if not exists employer_key bigint;
create table if not exists landing.observation (
    load_id bigint not null,
    row_number int not null,
    exam_key bigint not null,
    person_key bigint not null,
    indicator_code text not null,
    value_raw text not null,                      -- blank, with its unit, of what is taken back and is no result
    unit_raw text not null,                       -- as the file or its mapping said
    comparator text,                              -- < > <= >=
    value double precision,                       -- in `unit`, not yet canonical
    value_text text,                              -- ordinal results: neg, +-, 1+ …
    unit text not null,                           -- UCUM
    -- FHIR's observation-status; what takes a result back keeps its row and loses its place in the marts
    status text not null default 'final'
        check (status in ('preliminary', 'final', 'corrected', 'cancelled', 'entered-in-error'))
);
alter table landing.observation add column if not exists status text not null default 'final'
    check (status in ('preliminary', 'final', 'corrected', 'cancelled', 'entered-in-error'));
create table if not exists landing.questionnaire (
    load_id bigint not null,
    row_number int not null,
    response_key bigint not null,
    person_key bigint not null,
    site text not null,
    questionnaire_code text not null,
    questionnaire_version text not null,
    answered_on date not null,
    status text not null default 'final' check (status in ('final', 'corrected', 'entered-in-error'))
);
alter table landing.questionnaire add column if not exists status text not null default 'final'
    check (status in ('final', 'corrected', 'entered-in-error'));
create table if not exists landing.questionnaire_answer (
    load_id bigint not null,
    row_number int not null,
    response_key bigint not null,
    person_key bigint not null,
    question_code text not null,
    value_raw text not null,                      -- blank of what is withdrawn and is no answer
    value double precision,                       -- numbers, scores; 1 / 0 for yes / no
    value_text text,                              -- the code after the mapping's vocabulary
    -- what takes an answer back keeps its row and loses its place in the marts
    status text not null default 'final' check (status in ('final', 'corrected', 'entered-in-error'))
);
alter table landing.questionnaire_answer add column if not exists status text not null default 'final'
    check (status in ('final', 'corrected', 'entered-in-error'));
-- How questions are worded, where a form defines it or many were asked alike: no person in it.
create table if not exists landing.question (
    load_id bigint not null,
    row_number int not null,
    site text not null,
    questionnaire_code text not null,
    questionnaire_version text not null,
    question_code text not null,
    wording text not null,
    asked_from date not null                      -- the first day in the load
);
create table if not exists landing.follow_up (
    load_id bigint not null,
    row_number int not null,
    follow_up_key bigint not null,
    person_key bigint not null,
    site text not null,
    follow_up_date date not null,
    method text not null,                         -- phone, wechat, clinic, home
    agent text,                                   -- staff number
    outcome text not null,                        -- reached, not_reached, refused, lost
    next_date date,
    duration_s int
);
-- The audio is sealed outside the database; what opens it is in vault.audio_key.
create table if not exists landing.call_recording (
    load_id bigint not null,
    row_number int not null,
    recording_key bigint not null,
    person_key bigint not null,
    site text not null,
    recorded_on date not null,
    agent text,                                   -- staff number
    consent boolean not null check (consent),     -- what the person did not agree to is not stored
    media_type text not null,                     -- wav, mp3
    duration_s double precision not null,         -- measured in the audio
    sha256 text not null,                         -- of the audio in clear
    bytes bigint not null,
    object text not null                          -- its name in the store
);
-- What became of a person: an event, or the last day known free of it.
create table if not exists landing.outcome (
    load_id bigint not null,
    row_number int not null,
    person_key bigint not null,
    site text not null,
    event_code text not null,                     -- death, cvd, stroke …
    origin_date date not null,
    time_days int not null check (time_days >= 0),
    observed boolean not null                     -- true: happened at origin + time; false: censored there
);
create table if not exists landing.consultation (
    load_id bigint not null,
    row_number int not null,
    consultation_key bigint not null,
    person_key bigint not null,
    site text not null,
    consultation_date date not null,
    smoking text,                                 -- never, former, current
    drinking text,                                -- never, occasional, regular
    hypertension_history boolean,
    diabetes_history boolean,
    cvd_history boolean,
    family_history_cvd boolean,
    bp_medication boolean,
    statin boolean,
    glucose_medication boolean
);
create table if not exists landing.card (
    load_id bigint not null,
    row_number int not null,
    card_key bigint not null,
    person_key bigint not null,
    site text not null,
    event text not null,                          -- issue, renew, replace, suspend, close
    event_date date not null,
    card_type text,
    package text,
    valid_until date
);
create table if not exists landing.intervention (
    load_id bigint not null,
    row_number int not null,
    intervention_key bigint not null,
    person_key bigint not null,
    site text not null,
    programme text not null,
    start_date date not null,
    end_date date,
    status text not null,                         -- active, completed, dropped
    agent text
);
create table if not exists landing.care_plan (
    load_id bigint not null,
    row_number int not null,
    care_plan_key bigint not null,
    person_key bigint not null,
    site text not null,
    plan_date date,
    category text,                                -- diet, exercise, sleep, tcm
    item text,                                    -- null: the plan as a whole, where it was withdrawn
    target double precision,
    done double precision,
    unit text,
    plan_key bigint,                              -- of the plan as a whole, where the source numbers it
    status text not null default 'final' check (status in ('final', 'entered-in-error')),
    constraint whole_if_withdrawn check (
        num_nulls(plan_date, category, item) = 0 or status = 'entered-in-error' and plan_key is not null
    )
);
alter table landing.care_plan add column if not exists plan_key bigint;
alter table landing.care_plan add column if not exists status text not null default 'final'
    check (status in ('final', 'entered-in-error'));
alter table landing.care_plan
    alter column plan_date drop not null, alter column category drop not null, alter column item drop not null,
    drop constraint if exists whole_if_withdrawn, add constraint whole_if_withdrawn check (
        num_nulls(plan_date, category, item) = 0 or status = 'entered-in-error' and plan_key is not null
    );
-- The file's bytes, sealed a run of one person's consecutive records at a time; row 0 is what stood before the first.
create table if not exists landing.original (
    load_id bigint not null,
    row_first int not null,
    row_last int not null,
    person_key bigint,                            -- null: sealed under the system's key
    sealed bytea not null
);
do $$
declare name text;
begin
    foreach name in array array['person', 'exam', 'observation', 'questionnaire', 'questionnaire_answer', 'question', 'follow_up',
                                'outcome', 'consultation', 'card', 'intervention', 'care_plan', 'call_recording', 'original'] loop
        -- loads append, so blocks are in load order: a block range index costs next to nothing on the way in
        execute format('create index if not exists %I on landing.%I using brin (load_id) with (pages_per_range = 32)',
                       name || '_load_id', name);
        -- policies compare sites with a word that long, which is nobody's (dbt_project/macros/row_security.sql)
        if exists (select from pg_attribute where attrelid = ('landing.' || name)::regclass and attname = 'site')
            and not exists (select from pg_constraint where conrelid = ('landing.' || name)::regclass and conname = 'site_is_short')
        then
            execute format('alter table landing.%I add constraint site_is_short check (length(site) < 128)', name);
        end if;
    end loop;
end
$$;
create index if not exists call_recording_key on landing.call_recording (recording_key);
-- every load asks which of its records are there already; without these the server, which has not counted the load's rows yet,
-- compares each of them with every record
create index if not exists exam_exam_key on landing.exam (exam_key);
create index if not exists questionnaire_response_key on landing.questionnaire (response_key);
create index if not exists follow_up_follow_up_key on landing.follow_up (follow_up_key);
create index if not exists consultation_consultation_key on landing.consultation (consultation_key);
create index if not exists card_card_key on landing.card (card_key);
create index if not exists intervention_intervention_key on landing.intervention (intervention_key);
create index if not exists care_plan_care_plan_key on landing.care_plan (care_plan_key);

------------------------------------------------------------------------------------------------ quarantine
create table if not exists quarantine.record (
    load_id bigint not null references ops.load on delete cascade,
    row_number int,                               -- null: the whole file
    field text,                                   -- null: the whole record
    reason text not null,                         -- a code of docs/data_formats.md
    expected text not null,                       -- in words; never the value
    count bigint not null default 1,              -- records it stands for
    person_key bigint,
    sealed bytea                                  -- the record's bytes; null where landing.original holds them
);
create index if not exists record_load_id on quarantine.record (load_id);
-- A load read again after its mapping was put right: refusals that were lifted stay written, with when and by which.
create table if not exists quarantine.release (
    release_id bigint generated always as identity primary key,
    load_id bigint not null references ops.load on delete cascade,
    mapping text not null,                        -- name and version of the mapping that read it
    lifted bigint not null,                       -- refusals that did not come up again
    at timestamptz not null default now()
);
alter table quarantine.record
    add column if not exists released_at timestamptz,   -- null: it still stands
    add column if not exists release_id bigint references quarantine.release;

reset role;
