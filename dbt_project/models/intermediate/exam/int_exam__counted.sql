-- How often a sex and age band had each value, over all sites, in the years that are complete; how many results were no higher.
{% call carry('complete_years', sought=['indicator_code', 'sex', 'age_band', 'value']) %}
select
    indicator_code,
    sex,
    age_band,
    value,
    (sum(count(*)) over (partition by indicator_code, sex, age_band order by value))::bigint as no_higher_count
from {{ ref('int_exam__interpreted') }}
where
    value is not null and sex is not null and age_band is not null
    and exam_date < (select closed_on from {{ ref('int_exam__closed') }})
    and {{ touched('complete_years') }}
group by indicator_code, sex, age_band, value
{% endcall %}
