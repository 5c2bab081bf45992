-- Everything a rule may ask about a person, as one list: what was measured, said, scored. A bounded result counts as its bound.
{% call carry('person_key') %}
select
    person_key,
    site,
    exam_date as fact_date,
    indicator_code as fact,
    coalesce(value, case
        when value_text = 'neg' then 0
        when value_text in ('+-', 'trace') then 0.5
        when value_text = 'pos' then 1
        when value_text ~ '^[1-4]\+$' then left(value_text, 1)::int
    end) as value,
    'observation' as evidence_kind,
    exam_key as evidence_key
from {{ ref('int_exam__interpreted') }}
where {{ touched('person_key') }}
union all
select
    person_key,
    site,
    fact_date,
    fact,
    value,
    evidence_kind,
    evidence_key
from {{ ref('int_rule__stated') }}
where {{ touched('person_key') }}
union all
select
    person_key,
    site,
    scored_on as fact_date,
    fact,
    value,
    'scale' as evidence_kind,
    response_key as evidence_key
from {{ ref('int_scale__scored') }}
where {{ touched('person_key') }}
union all
select
    person_key,
    site,
    exam_date as fact_date,
    model || '.' || output as fact,
    value,
    'score' as evidence_kind,
    exam_key as evidence_key
from {{ ref('int_risk__scored') }}
where eligible and recalibrated is not true and {{ touched('person_key') }}
{% endcall %}
