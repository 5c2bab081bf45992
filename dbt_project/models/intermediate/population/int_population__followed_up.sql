-- Examined people with contacts that were due in the year, and whether one was made.
select
    people.person_key,
    people.site,
    people.exam_year,
    people.sex,
    people.age_band,
    people.employer,
    'follow_up' as family,
    'follow_up_coverage' as measure,
    bool_or(due.due_status = 'done') as is_event
from {{ ref('int_population__examined') }} as people
inner join {{ ref('int_follow_up__timed') }} as due
    on
        people.person_key = due.person_key
        and people.site = due.site
        and people.exam_year = extract(year from due.due_date)
where due.due_status not in ('open', 'cancelled')
group by people.person_key, people.site, people.exam_year, people.sex, people.age_band, people.employer
