-- What the models of survival say of people now.
{% call carry('person_key', shown=true) %}
select
    scores.person_key,
    scores.site,
    scores.exam_key,
    scores.exam_date,
    scores.model,
    scores.version,
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
where scores.kind = 'survival' and exams.is_latest and {{ touched('scores.person_key') }}
{% endcall %}
