-- Each enrolment with the last value before it began, at most a year old; the value after it is the first from 60 days after it began.
select distinct on (enrolled.intervention_key)
    enrolled.intervention_key,
    enrolled.start_date,
    enrolled.status,
    before.*
from {{ ref('stg_intervention__interventions') }} as enrolled
inner join {{ ref('int_intervention__observed') }} as before
    on
        enrolled.person_key = before.person_key
        and enrolled.site = before.site
        and enrolled.programme = before.programme
        and before.exam_date between enrolled.start_date - 365 and enrolled.start_date
where before.after_date is null or before.after_date >= enrolled.start_date + 60
order by enrolled.intervention_key asc, before.exam_date desc, before.exam_key desc
