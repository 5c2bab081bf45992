-- IPAQ category, by the scoring protocol 2005: days of 10 minutes or more count.
with counted as (
    select
        *,
        vigorous_days * (vigorous_minutes > 0)::int as hard_days,
        moderate_days * (moderate_minutes > 0)::int + walking_days * (walking_minutes > 0)::int as easy_days,
        vigorous_days * (vigorous_minutes >= 20)::int as hard_days_20,
        moderate_days * (moderate_minutes >= 30)::int + walking_days * (walking_minutes >= 30)::int as easy_days_30
    from {{ ref('int_scale__active') }}
)

select
    response_key,
    person_key,
    site,
    questionnaire_code,
    'IPAQ' as fact,
    scored_on,
    value,
    case
        when value is null then null
        when hard_days >= 3 and vigorous_met >= 1500 then 'high'
        when hard_days + easy_days >= 7 and value >= 3000 then 'high'
        when hard_days_20 >= 3 or easy_days_30 >= 5 then 'moderate'
        when hard_days + easy_days >= 5 and value >= 600 then 'moderate'
        else 'low'
    end as band
from counted
