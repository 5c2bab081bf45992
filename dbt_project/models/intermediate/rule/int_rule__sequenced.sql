-- Facts that rules ask about: at each, the latest (nth 1) and, where a rule asks, the one before it (nth 2), until the next comes.
-- Of two on one day the one of the last key counts.
{% call carry('person_key') %}
with once as (
    select distinct on (person_key, site, fact, fact_date) *
    from {{ ref('int_rule__known') }}
    where
        value is not null
        and fact in (select fact from {{ ref('tag_conditions') }})
        and {{ touched('person_key') }}
    order by person_key asc, site asc, fact asc, fact_date asc, evidence_kind desc, evidence_key desc
),

sequenced as (
    select
        *,
        lag(value) over in_order as value_before,
        lag(fact_date) over in_order as date_before,
        lag(evidence_kind) over in_order as kind_before,
        lag(evidence_key) over in_order as key_before,
        lead(fact_date) over in_order as date_after
    from once
    window in_order as (partition by person_key, site, fact order by fact_date)
)

select
    facts.person_key,
    facts.site,
    people.sex,
    extract(year from facts.fact_date)::int - people.birth_year as age_years,
    facts.fact,
    nth.nth,
    nth.value,
    nth.evidence_date,
    nth.evidence_kind,
    nth.evidence_key,
    facts.fact_date - facts.date_before as apart_days,
    facts.fact_date as known_from,
    coalesce(facts.date_after, 'infinity') as known_until
from sequenced as facts
inner join {{ ref('int_person__merged') }} as people using (person_key, site)
cross join
    lateral (
        values
        (1, facts.value, facts.fact_date, facts.evidence_kind, facts.evidence_key),
        (2, facts.value_before, facts.date_before, facts.kind_before, facts.key_before)
    ) as nth (nth, value, evidence_date, evidence_kind, evidence_key)
where
    nth.evidence_date is not null
    and (nth.nth = 1 or facts.fact in (select fact from {{ ref('tag_conditions') }} where nth = 2))
{% endcall %}
