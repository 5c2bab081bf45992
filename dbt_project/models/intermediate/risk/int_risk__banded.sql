-- Bands of the published models that are scored every year, beside those of the year before: neither a year without an exam
-- nor a model that was not for the person is bridged.
{% call carry('person_key') %}
select
    scores.person_key,
    scores.site,
    scores.exam_key,
    exams.exam_year,
    scores.exam_date,
    exams.sex,
    exams.age_band,
    scores.model,
    scores.version,
    scores.value,
    scores.category,
    before.category as category_before
from {{ ref('int_risk__scored') }} as scores
inner join {{ ref('int_risk__dated') }} as exams on scores.exam_key = exams.exam_key
left join {{ ref('int_risk__dated') }} as exams_before
    on
        exams.person_key = exams_before.person_key
        and exams.site = exams_before.site
        and exams.exam_year = exams_before.exam_year + 1
left join {{ ref('int_risk__scored') }} as before
    on
        exams_before.exam_key = before.exam_key
        and exams_before.person_key = before.person_key -- by which it is found
        and before.is_yearly
        and scores.model = before.model
        and scores.version = before.version
        and scores.output = before.output
where
    scores.is_yearly and not scores.recalibrated and scores.category is not null
    and {{ touched('scores.person_key') }}
{% endcall %}
