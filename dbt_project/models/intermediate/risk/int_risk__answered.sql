-- The last word on each input before or at each exam, and whether it still counts there. Of two on a day, yes.
select distinct on (exams.exam_key, inputs.input)
    exams.person_key,
    exams.site,
    exams.exam_key,
    exams.is_latest,
    inputs.input,
    said.answer::int::double precision as input_value,
    said.declared_on as known_on,
    exams.exam_date - said.declared_on as age_days,
    said.source as heard_from,
    coalesce(exams.exam_date - said.declared_on > inputs.max_age_days, false) as stale
from {{ ref('int_risk__dated') }} as exams
inner join {{ ref('int_risk__declared') }} as said
    on
        exams.person_key = said.person_key
        and exams.site = said.site
        and exams.exam_date >= said.declared_on
inner join {{ ref('risk_inputs') }} as inputs
    on
        inputs.kind = 'topic'
        and said.topic = inputs.code
order by
    exams.exam_key asc,
    inputs.input asc,
    said.declared_on desc,
    said.answer desc,
    said.source asc
