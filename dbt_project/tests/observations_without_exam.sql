-- An observation belongs to an exam.
select observations.exam_key
from {{ ref('stg_exam__observations') }} as observations
left join {{ ref('stg_exam__exams') }} as exams using (exam_key)
where exams.exam_key is null and {{ touched('observations.exam_key') }}
