-- A count of 1 to 10 is null: what it says is "a few".
with yearly as (
    select
        site,
        extract(year from month)::int as year,
        (array_agg(member_count order by month desc))[1] as member_count,
        {% for event in ['issue', 'renew', 'close'] %}
            sum({{ event }}_count)::int as {{ event }}_count{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('rpt_operations_membership') }}
    group by site, extract(year from month)
)

select
    site,
    year,
    {% for count in ['member_count', 'issue_count', 'renew_count', 'close_count'] %}
        case when {{ count }} not between 1 and 10 then {{ count }} end as {{ count }}{{ ',' if not loop.last }}
    {% endfor %}
from yearly
