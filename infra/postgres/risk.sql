-- Scores and what they rest on (`python -m models.score`). Idempotent; run after schemas.sql, before policies.sql.
set role wh_owner;
create table if not exists risk.model (
    model text not null,
    version text not null,
    kind text not null check (kind in ('equation', 'survival')),
    source text not null,
    card jsonb not null,
    registered_at timestamptz not null default clock_timestamp(),
    primary key (model, version)
);
-- A person's scores at an exam are one row: a million people are written in seconds, not minutes. What is at which place
-- of the arrays is in risk.layout, what can be said of a score in risk.verdict (few texts, each once).
create table if not exists risk.layout (
    layout_id bigint not null,
    place int not null,                           -- of the arrays of risk.scoring, from 1
    model text not null,
    version text not null,
    output text not null,                         -- egfr, fib4, risk
    unit text not null,                           -- UCUM; 1 for a probability
    foreign key (model, version) references risk.model,
    primary key (layout_id, place)
);
create table if not exists risk.verdict (
    verdict_id bigint primary key,
    eligible boolean not null,
    category text,
    reason_en text,
    reason_zh text,
    missing text[] not null default '{}'
);
create table if not exists risk.scoring (
    person_key bigint not null,
    site text not null,
    exam_key bigint not null,
    exam_date date not null,
    layout_id bigint not null,
    value double precision[] not null,            -- null when not eligible
    verdict_id bigint[] not null,
    run_id text not null,
    scored_at timestamptz not null default clock_timestamp(),
    check (cardinality(value) = cardinality(verdict_id)),
    primary key (person_key, exam_key)
);
do $$
begin
    -- what earlier versions kept one row a score; the next scoring writes everything again
    if exists (select from pg_class where oid = to_regclass('risk.score') and relkind = 'r') then
        drop table risk.score cascade;  -- dbt's view over it is made again by the next build
    end if;
end
$$;
create or replace view risk.score as
select s.person_key, s.site, s.exam_key, s.exam_date, l.model, l.version, l.output, s.value[l.place] as value, l.unit,
       v.category, v.eligible, v.reason_en, v.reason_zh, v.missing, s.run_id, s.scored_at
from risk.scoring s
join risk.layout l using (layout_id)
join risk.verdict v on v.verdict_id = s.verdict_id[l.place];

-- What every scoring finds of the people and of the models: are they still those of before, does it come true?
create table if not exists risk.drift (
    run_id text not null,
    measure text not null check (measure in ('psi', 'calibration_intercept')),
    name text not null,                           -- an input; a model
    value double precision not null,
    people int not null,                          -- that it rests on
    shifted boolean not null,                     -- beyond the limit: an alert was raised
    measured_at timestamptz not null default clock_timestamp(),
    primary key (run_id, measure, name)
);

-- What would lower a person's risk: the risk if one input were at its target and all else as it is.
create table if not exists risk.change (
    person_key bigint not null,
    site text not null,
    exam_key bigint not null,
    exam_date date not null,
    model text not null,
    version text not null,
    input text not null,                          -- of models/inputs.yml; `all`: every one that has a target
    target double precision,                      -- in the input's unit; null for `all`
    value double precision not null,              -- the risk then
    risk double precision not null,               -- the risk now
    foreign key (model, version) references risk.model,
    primary key (person_key, exam_key, model, version, input)
);

reset role;
