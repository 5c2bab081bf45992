-- How a question was worded when: from each day on which a wording came up, the newest of each language.
with moments as (
    select distinct
        questionnaire_code,
        questionnaire_version,
        question_code,
        asked_from
    from {{ ref('stg_questionnaire__wordings') }}
)

select
    moments.questionnaire_code,
    moments.questionnaire_version,
    moments.question_code,
    moments.asked_from,
    {{ latest('said.wording', "said.language = 'zh'", 'said.asked_from') }} as text_zh,
    {{ latest('said.wording', "said.language = 'en'", 'said.asked_from') }} as text_en,
    lag(moments.asked_from) over changes is null as is_first,
    lead(moments.asked_from) over changes as asked_until
from moments
inner join {{ ref('stg_questionnaire__wordings') }} as said
    on
        moments.questionnaire_code = said.questionnaire_code
        and moments.questionnaire_version = said.questionnaire_version
        and moments.question_code = said.question_code
        and moments.asked_from >= said.asked_from
group by moments.questionnaire_code, moments.questionnaire_version, moments.question_code, moments.asked_from
window changes as (
    partition by moments.questionnaire_code, moments.questionnaire_version, moments.question_code
    order by moments.asked_from
)
