-- Days from the origin to the first value under the goal, or to the last value known not to be. Who reached it before the origin is left out.
with values_after as (
    select
        people.*,
        series.exam_date as value_date,
        series.value < people.goal as is_reached
    from {{ ref('int_intervention__at_risk') }} as people
    inner join {{ ref('int_exam__interpreted') }} as series using (person_key, site, indicator_code)
    where series.exam_date > people.exam_date and series.value is not null
)

select
    intervention_key,
    arm,
    person_key,
    site,
    programme,
    indicator_code,
    origin_date,
    coalesce(min(value_date) filter (where is_reached), max(value_date)) - origin_date as time_days,
    bool_or(is_reached) as observed
from values_after
group by intervention_key, arm, person_key, site, programme, indicator_code, origin_date
having coalesce(min(value_date) filter (where is_reached), max(value_date)) > origin_date
