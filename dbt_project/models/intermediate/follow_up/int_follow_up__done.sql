select
    due.follow_up_due_key,
    due.person_key,
    due.site,
    due.tag,
    due.plan,
    due.due_date,
    matched.done_date,
    matched.done_by,
    matched.contact_key,
    matched.agent,
    due.overdue_days
from {{ ref('int_follow_up__timed') }} as due
inner join {{ ref('int_follow_up__matched') }} as matched using (person_tag_key, plan, occurrence)
where matched.done_date is not null
