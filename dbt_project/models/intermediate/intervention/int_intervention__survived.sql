-- Kaplan-Meier: the share that has not reached the goal after each day on which somebody did or was last seen.
with days as (
    select
        site,
        programme,
        arm,
        time_days,
        count(*) filter (where observed) as event_count,
        sum(count(*)) over (partition by site, programme, arm order by time_days desc) as at_risk_count
    from {{ ref('fct_time_to_goal') }}
    group by site, programme, arm, time_days
)

select
    site,
    programme,
    arm,
    time_days,
    at_risk_count::int as at_risk_count,
    (case
        when min(at_risk_count - event_count) over so_far > 0
            then round(exp(sum(ln(nullif(1 - event_count::numeric / at_risk_count, 0))) over so_far), 12)
        else 0
    end)::double precision as survival,
    sum(event_count::numeric / nullif(at_risk_count * (at_risk_count - event_count), 0)) over so_far as greenwood
from days
window so_far as (partition by site, programme, arm order by time_days)
