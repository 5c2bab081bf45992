-- Scales that add up their items. Up to `missing_allowed` missing items are filled with the mean of the others
-- (Kroenke 2001; Spitzer 2006); more, and there is no score.
select
    answers.response_key,
    answers.person_key,
    answers.site,
    answers.questionnaire_code,
    scales.fact,
    answers.answered_on as scored_on,
    case
        when count(*) >= scales.items - scales.missing_allowed
            then round(avg(answers.value)::numeric * scales.items)::double precision
    end as value
from {{ ref('int_questionnaire__answered') }} as answers
inner join {{ ref('scales') }} as scales using (questionnaire_code)
where
    scales.method = 'sum'
    and answers.question_code ~ '^[0-9]+$'
    and answers.question_code::int between 1 and scales.items
    and answers.value between 0 and scales.item_max
group by
    answers.response_key, answers.person_key, answers.site, answers.questionnaire_code, scales.fact, answers.answered_on,
    scales.items, scales.missing_allowed
