-- A rule is looked at on each day on which one of its conditions begins or ends to be met, in the edition in force that day.
-- It holds when enough of its clauses are met and none that excludes it (clause 0).
{% call carry('person_key') %}
with editions as (
    select
        *,
        lead(valid_from, 1, 'infinity') over (partition by tag order by valid_from) as valid_until
    from {{ ref('tag_rules') }}
),

days as (
    select distinct
        person_key,
        site,
        tag,
        unnest(array[met_from, met_until]) as day
    from {{ ref('int_rule__met') }}
    where {{ touched('person_key') }}
),

evaluated as (
    select
        days.person_key,
        days.site,
        days.tag,
        editions.version,
        days.day,
        editions.clauses_needed,
        count(distinct met.clause) filter (where met.clause > 0) as clauses_met,
        count(*) filter (where met.clause = 0) as exclusions_met,
        jsonb_agg(distinct jsonb_build_object(
            'fact', met.fact, 'value', met.value, 'date', met.evidence_date, 'kind', met.evidence_kind, 'key', met.evidence_key::text
        )) filter (where met.clause > 0) as evidence,
        coalesce(bool_or(met.evidence_date = days.day) filter (where met.clause > 0), false) as is_new,
        coalesce(bool_or(met.evidence_date = days.day) filter (
            where met.clause > 0 and met.evidence_kind not in ('answer', 'consultation')
        ), false) as is_result
    from days
    inner join editions
        on days.tag = editions.tag and days.day >= editions.valid_from and days.day < editions.valid_until
    left join {{ ref('int_rule__met') }} as met
        on
            days.person_key = met.person_key
            and days.site = met.site
            and days.tag = met.tag
            and editions.version = met.version
            and days.day >= met.met_from
            and days.day < met.met_until
    group by 1, 2, 3, 4, 5, 6
)

select
    *,
    clauses_met >= clauses_needed and exclusions_met = 0 as is_held
from evaluated
{% endcall %}
