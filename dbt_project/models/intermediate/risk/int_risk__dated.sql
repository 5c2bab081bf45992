-- The exam that a person's risk is computed at: the latest at each site.
select distinct on (person_key, site)
    person_key,
    site,
    exam_key,
    exam_date,
    age_years,
    age_band,
    sex
from {{ ref('int_exam__aged') }}
order by person_key asc, site asc, exam_date desc, exam_key desc
