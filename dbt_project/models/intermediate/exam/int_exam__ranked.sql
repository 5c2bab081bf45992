-- The share of the results of a sex and age band, over all sites and the years that are complete, that are no higher than a value
-- that was measured then or, of whoever is compared now, since.
with series as (
    {{ touched_or_of_another_population(ref('int_exam__interpreted'), ref('int_exam__summarised')) }}
),

known as (
    select
        indicator_code,
        sex,
        age_band,
        value,
        value_count
    from {{ ref('int_exam__counted') }}
    union all
    select distinct
        indicator_code,
        sex,
        age_band,
        value,
        0 as value_count
    from series
    where
        value is not null and sex is not null and age_band is not null
        and exam_date >= (select closed_on from {{ ref('int_exam__closed') }})
),

counted as (
    select
        indicator_code,
        sex,
        age_band,
        value,
        sum(value_count) as value_count
    from known
    group by indicator_code, sex, age_band, value
)

select
    indicator_code,
    sex,
    age_band,
    value,
    100 * (
        sum(value_count) over (partition by indicator_code, sex, age_band order by value)::double precision
        / nullif(sum(value_count) over (partition by indicator_code, sex, age_band), 0)::double precision
    ) as population_percentile
from counted
