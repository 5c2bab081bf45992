with exams as (
    select
        person_key,
        site,
        min(exam_date) as first_exam_date,
        max(exam_date) as last_exam_date,
        count(*)::int as exam_count
    from {{ ref('int_exam__aged') }}
    group by person_key, site
)

select
    people.person_key,
    people.site,
    people.sex,
    people.birth_year,
    latest.age_years,
    latest.age_band,
    exams.first_exam_date,
    exams.last_exam_date,
    coalesce(exams.exam_count, 0) as exam_count
from {{ ref('int_person__merged') }} as people
left join exams on people.person_key = exams.person_key and people.site = exams.site
left join {{ ref('int_risk__dated') }} as latest
    on
        people.person_key = latest.person_key
        and people.site = latest.site
        and latest.is_latest
