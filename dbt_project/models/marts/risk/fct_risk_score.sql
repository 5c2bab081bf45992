-- What the equations say of people now: of each person's latest exam.
{% call carry('person_key', shown=true) %}
select
    scores.person_key,
    scores.site,
    scores.exam_key,
    scores.exam_date,
    exams.sex,
    exams.age_band,
    scores.model,
    scores.version,
    scores.recalibrated,
    scores.output,
    scores.value,
    scores.unit,
    scores.category,
    scores.eligible,
    scores.reason_en,
    scores.reason_zh,
    scores.missing,
    scores.source,
    scores.scored_at
from {{ ref('int_risk__scored') }} as scores
inner join {{ ref('int_risk__dated') }} as exams on scores.exam_key = exams.exam_key
where scores.kind = 'equation' and exams.is_latest and {{ touched('scores.person_key') }}
{% endcall %}
