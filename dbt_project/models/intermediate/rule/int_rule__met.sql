-- From when until when a fact meets a condition: until the next such fact, or until it is too old to go by.
{% call carry('person_key') %}
with compared as (
    select
        facts.*,
        rules.tag,
        rules.version,
        rules.clause,
        rules.condition_number,
        least(facts.known_until, facts.evidence_date + rules.within_days + 1) as met_until,
        case rules.operator
            when '>=' then facts.value >= rules.threshold
            when '>' then facts.value > rules.threshold
            when '<=' then facts.value <= rules.threshold
            when '<' then facts.value < rules.threshold
            when '=' then facts.value = rules.threshold
        end as is_met
    from {{ ref('int_rule__sequenced') }} as facts
    inner join {{ ref('tag_conditions') }} as rules
        on
            facts.fact = rules.fact
            and facts.nth = rules.nth
            and (rules.sex is null or facts.sex = rules.sex)
            and (rules.age_low is null or facts.age_years >= rules.age_low)
            and (rules.age_high is null or facts.age_years <= rules.age_high)
            and (rules.apart_days is null or facts.apart_days >= rules.apart_days)
    where {{ touched('facts.person_key') }}
)

select
    person_key,
    site,
    tag,
    version,
    clause,
    condition_number,
    fact,
    value,
    evidence_date,
    evidence_kind,
    evidence_key,
    known_from as met_from,
    met_until
from compared
where is_met and known_from < met_until
{% endcall %}
