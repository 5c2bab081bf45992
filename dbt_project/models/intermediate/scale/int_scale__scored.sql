-- Scores of all scales, and the one answer that always counts by itself: thoughts of self-harm (PHQ-9, question 9).
select
    response_key,
    person_key,
    site,
    questionnaire_code,
    fact,
    scored_on,
    value,
    null as band
from {{ ref('int_scale__summed') }}
union all
select
    response_key,
    person_key,
    site,
    questionnaire_code,
    fact,
    scored_on,
    value,
    null as band
from {{ ref('int_scale__slept') }}
union all
select
    response_key,
    person_key,
    site,
    questionnaire_code,
    fact,
    scored_on,
    value,
    band
from {{ ref('int_scale__categorised') }}
union all
select
    response_key,
    person_key,
    site,
    questionnaire_code,
    'PHQ9_ITEM9' as fact,
    answered_on as scored_on,
    value,
    null as band
from {{ ref('int_questionnaire__answered') }}
where questionnaire_code = 'PHQ-9' and question_code = '9'
