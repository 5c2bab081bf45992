-- The share of the results of a sex and age band, over all sites and the years that are complete, that are no higher than a value of
-- whoever is compared now. Each is looked up: a day has few, however long the history is.
with series as (
    {{ touched_or_of_another_population(ref('int_exam__interpreted'), ref('int_exam__summarised')) }}
),

compared as (
    select distinct
        indicator_code,
        sex,
        age_band,
        value
    from series
    where value is not null
)

select
    compared.indicator_code,
    compared.sex,
    compared.age_band,
    compared.value,
    100 * coalesce(below.no_higher_count, 0)::double precision / population.result_count as population_percentile
from compared
inner join {{ ref('int_exam__summarised') }} as population using (indicator_code, sex, age_band)
left join lateral (
    select counted.no_higher_count
    from {{ ref('int_exam__counted') }} as counted
    where
        counted.indicator_code = compared.indicator_code and counted.sex = compared.sex
        and counted.age_band = compared.age_band and counted.value <= compared.value
    order by counted.value desc
    limit 1
) as below on true
