with counted as (
    select
        exam_key,
        count(*)::int as observation_count,
        (count(*) filter (where interpretation in ('L', 'H', 'A')))::int as abnormal_count
    from {{ ref('int_exam__interpreted') }}
    group by exam_key
)

select
    exams.exam_key,
    exams.person_key,
    exams.site,
    exams.exam_date,
    exams.exam_year,
    exams.age_years,
    exams.age_band,
    exams.sex,
    exams.exam_type,
    exams.package,
    coalesce(counted.observation_count, 0) as observation_count,
    coalesce(counted.abnormal_count, 0) as abnormal_count
from {{ ref('int_exam__aged') }} as exams
left join counted using (exam_key)
