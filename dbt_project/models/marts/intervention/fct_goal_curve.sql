-- Kaplan-Meier every 30 days; interval by log(-log), as lifelines does (Kalbfleisch JD, Prentice RL, 1980).
with grid as (
    select
        site,
        programme,
        arm,
        generate_series(0, max(time_days), 30) as time_days
    from {{ ref('int_intervention__survived') }}
    group by site, programme, arm
),

curve as (
    select
        grid.*,
        remaining.at_risk_count,
        coalesce(reached.survival, 1)::double precision as survival,
        coalesce(sqrt(reached.greenwood) / nullif(abs(ln(nullif(reached.survival, 0))), 0), 0)::double precision as spread
    from grid
    left join lateral (
        select
            days.survival,
            days.greenwood
        from {{ ref('int_intervention__survived') }} as days
        where days.site = grid.site and days.programme = grid.programme and days.arm = grid.arm and days.time_days <= grid.time_days
        order by days.time_days desc
        limit 1
    ) as reached on true
    left join lateral (
        select days.at_risk_count
        from {{ ref('int_intervention__survived') }} as days
        where days.site = grid.site and days.programme = grid.programme and days.arm = grid.arm and days.time_days >= grid.time_days
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
