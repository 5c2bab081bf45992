with exams as (
    select
        exams.*,
        people.sex,
        coalesce(exams.age_years, extract(year from exams.exam_date)::int - people.birth_year) as age_at_exam
    from {{ ref('stg_exam__exams') }} as exams
    left join {{ ref('int_person__merged') }} as people using (person_key, site)
)

select
    exams.exam_key,
    exams.person_key,
    exams.site,
    exams.exam_date,
    extract(year from exams.exam_date)::int as exam_year,
    exams.age_at_exam as age_years,
    bands.age_band,
    exams.sex,
    exams.exam_type,
    exams.package,
    coalesce(employers.employer, {{ employer_code('exams.employer_key') }}, 'none') as employer
from exams
left join {{ ref('age_bands') }} as bands
    on exams.age_at_exam between bands.age_low and bands.age_high
left join {{ ref('employers') }} as employers using (site, employer_key)
