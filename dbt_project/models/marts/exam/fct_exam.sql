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
    coalesce(judged.observation_count, 0) as observation_count,
    coalesce(judged.abnormal_count, 0) as abnormal_count
from {{ ref('int_exam__aged') }} as exams
left join {{ ref('int_exam__judged') }} as judged using (exam_key)
