-- Who of the adults had an indicator judged at their last result of a year, and whether it was outside the reference range.
select distinct on (person_key, site, exam_year, indicator_code)
    person_key,
    site,
    exam_year,
    sex,
    age_band,
    indicator_code as family,
    indicator_code as measure,
    interpretation <> 'N' as is_event
from {{ ref('int_exam__interpreted') }}
where interpretation is not null and sex is not null and age_years >= 18
order by person_key asc, site asc, exam_year asc, indicator_code asc, exam_date desc, exam_key desc
