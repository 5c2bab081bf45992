-- What can complete a follow-up: a contact that reached the person, or a new exam; and the contacts that reached nobody.
select
    person_key,
    site,
    follow_up_date as contact_date,
    'contact' as contact_kind,
    follow_up_key as contact_key,
    agent,
    outcome = 'reached' as is_reached
from {{ ref('stg_follow_up__follow_ups') }}
union all
select
    person_key,
    site,
    exam_date as contact_date,
    'exam' as contact_kind,
    exam_key as contact_key,
    null as agent,
    true as is_reached
from {{ ref('stg_exam__exams') }}
