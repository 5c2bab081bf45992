-- Each enrolment with the last value before it began, at most a year old, and the first from 60 days after it began, at most 540 after the
-- value before. A check in between says nothing and costs nothing; without a later value there is none after.
with befores as (
    select distinct on (enrolled.intervention_key)
        enrolled.intervention_key,
        enrolled.start_date,
        enrolled.status,
        observed.*
    from {{ ref('stg_intervention__interventions') }} as enrolled
    inner join {{ ref('int_intervention__observed') }} as observed
        on
            enrolled.person_key = observed.person_key
            and enrolled.site = observed.site
            and enrolled.programme = observed.programme
            and observed.exam_date between enrolled.start_date - 365 and enrolled.start_date
    order by enrolled.intervention_key asc, observed.exam_date desc, observed.exam_key desc
)

select distinct on (befores.intervention_key)
    befores.intervention_key,
    befores.person_key,
    befores.site,
    befores.programme,
    befores.indicator_code,
    befores.goal,
    befores.start_date,
    befores.status,
    befores.sex,
    befores.age_years,
    befores.exam_key,
    befores.exam_date,
    befores.value,
    befores.unit,
    later.exam_date as after_date,
    later.value as value_after
from befores
left join {{ ref('int_intervention__observed') }} as later
    on
        befores.person_key = later.person_key
        and befores.site = later.site
        and befores.programme = later.programme
        and later.exam_date between befores.start_date + 60 and befores.exam_date + 540
order by befores.intervention_key asc, later.exam_date asc, later.exam_key asc
