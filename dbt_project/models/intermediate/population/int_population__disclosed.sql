-- What may be published. Small is a group of 1 to 10 people, with the event or without. Where a division of a total has a small stratum,
-- hidden are the small ones and then the next larger until those hidden hold 11 people with and 11 without the event: no
-- subtraction finds a small group. All measures of a family hide the same strata, since awareness counts whom prevalence finds;
-- a measure whose total is small is hidden whole.
with counted as (
    select
        *,
        person_count - event_count as other_count,
        person_count < 11 or event_count between 1 and 10 or person_count - event_count between 1 and 10 as is_small
    from {{ ref('int_population__counted') }}
),

shown as (
    select
        counted.*,
        bool_or(counted.is_small) over stratum as is_small_stratum,
        max(counted.person_count) over stratum as size,
        bool_or(counted.is_small) over (partition by counted.site, counted.exam_year, counted.family, counted.division) as has_small
    from counted
    inner join counted as totals using (site, exam_year, measure)
    where totals.division = 'total' and not totals.is_small
    window stratum as (partition by counted.site, counted.exam_year, counted.family, counted.division, counted.stratum)
),

hidden as (
    select
        *,
        has_small and (
            is_small_stratum
            or coalesce(sum(event_count) over smaller, 0) < 11
            or coalesce(sum(other_count) over smaller, 0) < 11
        ) as is_hidden
    from shown
    window smaller as (
        partition by site, exam_year, measure, division
        order by is_small_stratum desc, size asc, stratum asc
        rows between unbounded preceding and 1 preceding
    )
)

select
    *,
    not bool_or(is_hidden) over (partition by site, exam_year, family, division, stratum) as is_published
from hidden
