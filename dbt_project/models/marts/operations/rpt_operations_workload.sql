with completed as (
    select
        contact_key as follow_up_key,
        count(*) as completed_count,
        count(*) filter (where overdue_days > 0) as late_count
    from {{ ref('int_follow_up__done') }}
    where done_by = 'contact'
    group by contact_key
)

select
    contacts.site,
    date_trunc('month', contacts.follow_up_date)::date as month,
    coalesce(contacts.agent, '') as agent,
    count(*)::int as contact_count,
    (count(*) filter (where contacts.outcome = 'reached'))::int as reached_count,
    coalesce(sum(contacts.duration_s), 0)::int as duration_s,
    coalesce(sum(completed.completed_count), 0)::int as completed_count,
    coalesce(sum(completed.late_count), 0)::int as late_count
from {{ ref('stg_follow_up__follow_ups') }} as contacts
left join completed using (follow_up_key)
group by contacts.site, date_trunc('month', contacts.follow_up_date), coalesce(contacts.agent, '')
