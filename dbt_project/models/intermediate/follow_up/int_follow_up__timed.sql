-- overdue_days: from the due date to the contact, to the day it closed without one, or to today. Who was not reached waits on after it
-- closed: escalated once after `escalate_after_days`, again after twice that; lost: waiting for over 14 days and three attempts failed.
with assigned as (
    select distinct on (person_key, site)
        person_key,
        site,
        agent
    from {{ ref('stg_follow_up__follow_ups') }}
    where agent is not null and follow_up_date <= (select as_of from {{ ref('int_rule__dated') }})
    order by person_key asc, site asc, follow_up_date desc, follow_up_key desc
),

timed as (
    select
        planned.*,
        matched.done_date,
        coalesce(matched.failed_count, 0) as failed_count,
        greatest(coalesce(matched.done_date, least(planned.as_of, planned.closes_on)) - planned.due_date, 0) as overdue_days,
        (planned.as_of - planned.due_date) * (matched.done_date is null and coalesce(planned.tag_until > planned.due_date, true))::int as waiting_days
    from {{ ref('int_follow_up__planned') }} as planned
    left join {{ ref('int_follow_up__matched') }} as matched using (person_tag_key, plan, occurrence)
)

select
    {{ stable_key(['timed.person_tag_key', 'timed.plan', 'timed.occurrence']) }} as follow_up_due_key,
    timed.person_tag_key,
    timed.person_key,
    timed.site,
    timed.tag,
    timed.plan,
    timed.version::text as version,
    timed.occurrence,
    timed.priority,
    timed.raised_on,
    timed.opens_on,
    timed.due_date,
    timed.closes_on,
    case
        when timed.done_date is not null then 'done'
        when timed.tag_until <= timed.due_date then 'cancelled'
        when timed.waiting_days > 14 and timed.failed_count >= 3 then 'lost'
        when timed.as_of > timed.closes_on then 'missed'
        when timed.as_of > timed.due_date then 'overdue'
        else 'open'
    end as due_status,
    timed.done_date,
    timed.overdue_days,
    timed.failed_count,
    (timed.waiting_days > timed.escalate_after_days)::int + (timed.waiting_days > 2 * timed.escalate_after_days)::int as escalation_level,
    assigned.agent,
    timed.text_zh,
    timed.text_en,
    timed.source
from timed
left join assigned using (person_key, site)
