-- The exams that a person's risk is computed at: the last of each year at each site.
with yearly as (
    select distinct on (person_key, site, exam_year)
        person_key,
        site,
        exam_year,
        exam_key,
        exam_date,
        age_years,
        age_band,
        sex
    from {{ ref('int_exam__aged') }}
    order by person_key asc, site asc, exam_year asc, exam_date desc, exam_key desc
)

select
    *,
    exam_year = max(exam_year) over (partition by person_key, site) as is_latest
from yearly
