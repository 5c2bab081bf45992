-- Over all sites; under 11 people a percentile could point at one of them.
select
    indicator_code,
    sex,
    age_band,
    percentile_cont(0.1) within group (order by value) as population_p10,
    percentile_cont(0.5) within group (order by value) as population_p50,
    percentile_cont(0.9) within group (order by value) as population_p90
from {{ ref('int_exam__interpreted') }}
where value is not null
group by indicator_code, sex, age_band
having count(distinct person_key) >= 11
