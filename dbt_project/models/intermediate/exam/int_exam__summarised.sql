-- Over all sites and the years that are complete; under 11 people a percentile could point at one of them. The fingerprint is another one when
-- anything differs that somebody of the group is compared with.
{% call carry('complete_years') %}
select
    indicator_code,
    sex,
    age_band,
    percentile_cont(0.1) within group (order by value) as population_p10,
    percentile_cont(0.5) within group (order by value) as population_p50,
    percentile_cont(0.9) within group (order by value) as population_p90,
    count(*) as result_count,
    sum(hashtextextended(value::text, 0)) as fingerprint
from {{ ref('int_exam__interpreted') }}
where
    value is not null and sex is not null and age_band is not null
    and exam_date < (select closed_on from {{ ref('int_exam__closed') }})
    and {{ touched('complete_years') }}
group by indicator_code, sex, age_band
having count(distinct person_key) >= 11
{% endcall %}
