select
    answers.response_key,
    responses.person_key,
    responses.site,
    responses.questionnaire_code,
    responses.questionnaire_version,
    responses.answered_on,
    answers.question_code,
    answers.value,
    answers.value_text
from {{ ref('stg_questionnaire__answers') }} as answers
inner join {{ ref('stg_questionnaire__responses') }} as responses using (response_key)
