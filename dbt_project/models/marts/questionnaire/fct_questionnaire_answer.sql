select
    response_key,
    person_key,
    site,
    questionnaire_code,
    questionnaire_version,
    answered_on,
    question_code,
    value,
    value_text
from {{ ref('int_questionnaire__answered') }}
