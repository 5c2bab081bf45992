-- Over all sites; under 11 people a percentile could point at one of them.
select
    indicator_code,
    sex,
    age_band,
    percentile_cont(array[0.1, 0.5, 0.9]) within group (order by value) as percentiles
from {{ ref('int_exam__interpreted') }}
where value is not null
group by indicator_code, sex, age_band
having count(distinct person_key) >= 11
