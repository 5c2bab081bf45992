-- A count of 1 to 10 is null: what it says is "a few". Members of two years tell what was issued less what was closed between them, so both
-- are null where one of them is a few, or the members at either end are. Who renews mostly is a member: renewals are found by no subtraction.
with yearly as (
    select
        site,
        extract(year from month)::int as year,
        (array_agg(member_count order by month desc))[1] as member_count,
        sum(issue_count)::int as issue_count,
        sum(renew_count)::int as renew_count,
        sum(close_count)::int as close_count
    from {{ ref('rpt_operations_membership') }}
    group by site, extract(year from month)
),

judged as (
    select
        *,
        issue_count between 1 and 10
        or close_count between 1 and 10
        or member_count between 1 and 10
        or coalesce(lag(member_count) over (partition by site order by year) between 1 and 10, false) as tells_a_few
    from yearly
)

select
    site,
    year,
    case when member_count not between 1 and 10 then member_count end as member_count,
    case when not tells_a_few then issue_count end as issue_count,
    case when renew_count not between 1 and 10 then renew_count end as renew_count,
    case when not tells_a_few then close_count end as close_count
from judged
