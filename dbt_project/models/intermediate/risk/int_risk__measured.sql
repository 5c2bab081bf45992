-- The last measured value of each input at or before each exam, and whether it still counts there. Values that are too old
-- matter at the latest exam only, where the card names them.
{% call carry('person_key') %}
select distinct on (exams.exam_key, inputs.input)
    exams.person_key,
    exams.site,
    exams.exam_key,
    exams.is_latest,
    inputs.input,
    measured.value as input_value,
    measured.exam_date as known_on,
    exams.exam_date - measured.exam_date as age_days,
    'exam' as heard_from,
    coalesce(exams.exam_date - measured.exam_date > inputs.max_age_days, false) as stale
from {{ ref('int_exam__interpreted') }} as measured
inner join {{ ref('risk_inputs') }} as inputs
    on
        inputs.kind = 'indicator'
        and measured.indicator_code = inputs.code
inner join {{ ref('int_risk__dated') }} as exams
    on
        measured.person_key = exams.person_key
        and measured.site = exams.site
        and measured.exam_date <= exams.exam_date
        and (exams.is_latest or measured.exam_date >= exams.exam_date - inputs.max_age_days)
where measured.value is not null and {{ touched('measured.person_key') }}
order by
    exams.exam_key asc,
    inputs.input asc,
    measured.exam_date desc,
    measured.exam_key desc
{% endcall %}
