-- A person's year: the last value of each indicator in it.
{% call carry('person_key') %}
select distinct on (person_key, site, indicator_code, exam_year)
    person_key,
    site,
    indicator_code,
    exam_year,
    exam_date,
    sex,
    age_band,
    value,
    unit,
    interpretation
from {{ ref('int_exam__interpreted') }}
where value is not null and {{ touched('person_key') }}
order by person_key asc, site asc, indicator_code asc, exam_year asc, exam_date desc, exam_key desc
{% endcall %}
