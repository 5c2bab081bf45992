-- Kaplan-Meier, every 30 days while anybody is at risk; interval by log(-log), as lifelines does
-- (Kalbfleisch JD, Prentice RL. The Statistical Analysis of Failure Time Data, 1980). tests/dbt compares it with lifelines.
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
),

survival as (
    select
        *,
        case
            when min(at_risk_count - event_count) over so_far > 0
                then exp(sum(ln(nullif(1 - event_count::numeric / at_risk_count, 0))) over so_far)
            else 0
        end as survival,
        sum(event_count::numeric / nullif(at_risk_count * (at_risk_count - event_count), 0)) over so_far as greenwood
    from days
    window so_far as (partition by site, programme, arm order by time_days)
),

arms as (
    select
        site,
        programme,
        arm,
        max(time_days) as last_day
    from {{ ref('fct_time_to_goal') }}
    group by site, programme, arm
),

grid as (
    select
        arms.*,
        day
    from arms
    cross join lateral generate_series(0, arms.last_day, 30) as day
),

curve as (
    select
        grid.site,
        grid.programme,
        grid.arm,
        grid.day as time_days,
        coalesce(reached.survival, 1)::double precision as survival,
        coalesce(sqrt(reached.greenwood) / nullif(abs(ln(nullif(reached.survival, 0))), 0), 0)::double precision as spread,
        remaining.at_risk_count
    from grid
    left join lateral (
        select
            survival.survival,
            survival.greenwood
        from survival
        where
            survival.site = grid.site and survival.programme = grid.programme
            and survival.arm = grid.arm and survival.time_days <= grid.day
        order by survival.time_days desc
        limit 1
    ) as reached on true
    left join lateral (
        select days.at_risk_count::int as at_risk_count
        from days
        where
            days.site = grid.site and days.programme = grid.programme
            and days.arm = grid.arm and days.time_days >= grid.day
        order by days.time_days
        limit 1
    ) as remaining on true
)

select
    site,
    programme,
    arm,
    time_days,
    at_risk_count,
    1 - survival as share,
    1 - survival ^ exp(-1.959963984540054 * spread) as share_low,
    1 - survival ^ exp(1.959963984540054 * spread) as share_high
from curve
