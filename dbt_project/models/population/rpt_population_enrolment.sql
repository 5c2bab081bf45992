-- A count of 1 to 10 is null: what it says is "a few".
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
)

select
    site,
    year,
    case when member_count not between 1 and 10 then member_count end as member_count,
    case when issue_count not between 1 and 10 then issue_count end as issue_count,
    case when renew_count not between 1 and 10 then renew_count end as renew_count,
    case when close_count not between 1 and 10 then close_count end as close_count
from yearly
