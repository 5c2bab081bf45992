-- The last measured value of each input at or before the latest exam, and whether it still counts there.
select distinct on (exams.person_key, exams.site, inputs.input)
    exams.person_key,
    exams.site,
    inputs.input,
    measured.value as input_value,
    measured.exam_date as known_on,
    exams.exam_date - measured.exam_date as age_days,
    'exam' as heard_from,
    coalesce(exams.exam_date - measured.exam_date > inputs.max_age_days, false) as stale
from {{ ref('int_risk__dated') }} as exams
inner join {{ ref('int_exam__interpreted') }} as measured
    on
        exams.person_key = measured.person_key
        and exams.site = measured.site
        and exams.exam_date >= measured.exam_date
inner join {{ ref('risk_inputs') }} as inputs
    on
        inputs.kind = 'indicator'
        and measured.indicator_code = inputs.code
where measured.value is not null
order by
    exams.person_key asc,
    exams.site asc,
    inputs.input asc,
    measured.exam_date desc,
    measured.exam_key desc
