-- What was asked in words. What files say comes before the seed, whose text in the other language still fits only where
-- the first says the same.
with asked as (
    select
        questionnaire_code,
        questionnaire_version,
        question_code,
        min(answered_on) as first_answered_on
    from {{ ref('int_questionnaire__answered') }}
    group by questionnaire_code, questionnaire_version, question_code
)

select
    asked.questionnaire_code,
    asked.questionnaire_version,
    asked.question_code,
    case
        when worded.is_first then least(worded.asked_from, asked.first_answered_on)
        else coalesce(worded.asked_from, asked.first_answered_on)
    end as asked_from,
    worded.asked_until,
    coalesce(
        worded.text_zh, case when coalesce(worded.text_en = seeds.text_en, true) then seeds.text_zh end
    ) as question_zh,
    coalesce(
        worded.text_en, case when coalesce(worded.text_zh = seeds.text_zh, true) then seeds.text_en end
    ) as question_en,
    seeds.source
from asked
left join {{ ref('int_questionnaire__worded') }} as worded
    using (questionnaire_code, questionnaire_version, question_code)
left join {{ ref('questions') }} as seeds using (questionnaire_code, question_code)
