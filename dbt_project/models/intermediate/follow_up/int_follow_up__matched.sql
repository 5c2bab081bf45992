-- The first contact within the time a follow-up is open completes it; the exam that raised the tag is no contact about it.
with within as (
    select
        planned.person_tag_key,
        planned.plan,
        planned.occurrence,
        contacts.*
    from {{ ref('int_follow_up__planned') }} as planned
    inner join {{ ref('int_follow_up__contacted') }} as contacts
        on
            planned.person_key = contacts.person_key
            and planned.site = contacts.site
            and contacts.contact_date between planned.opens_on and least(planned.closes_on, planned.as_of)
            and planned.completed_by in (contacts.contact_kind, 'either')
            and (contacts.contact_kind = 'contact' or planned.raised_on < contacts.contact_date)
)

select
    person_tag_key,
    plan,
    occurrence,
    (array_agg(contact_date order by contact_date, contact_key) filter (where is_reached))[1] as done_date,
    (array_agg(contact_kind order by contact_date, contact_key) filter (where is_reached))[1] as done_by,
    (array_agg(contact_key order by contact_date, contact_key) filter (where is_reached))[1] as contact_key,
    (array_agg(agent order by contact_date, contact_key) filter (where is_reached))[1] as agent,
    (count(*) filter (where not is_reached))::int as failed_count
from within
group by person_tag_key, plan, occurrence
