-- Pittsburgh sleep quality index, Buysse 1989 Psychiatry Res 28:193; questions numbered as in the Chinese version (刘贤臣 1996):
-- 1 to bed, 3 up (hours of the clock), 2 minutes to fall asleep, 4 hours asleep, 5a-5j, 6 quality, 7 medicine, 8-9 daytime.
-- A missing answer: no score.
with answers as (
    select
        response_key,
        person_key,
        site,
        questionnaire_code,
        answered_on as scored_on,
        {% for question in ['1', '2', '3', '4', '5a', '6', '7', '8', '9'] %}
            max(value) filter (where question_code = '{{ question }}') as q{{ question }},
        {% endfor %}
        sum(value) filter (where question_code ~ '^5[b-j]$') as disturbed,
        count(value) filter (where question_code ~ '^5[b-j]$') as disturbances
    from {{ ref('int_questionnaire__answered') }}
    where questionnaire_code = 'PSQI' and (question_code in ('1', '2', '3', '4') or value between 0 and 3)
    group by 1, 2, 3, 4, 5
),

measured as (
    select
        *,
        case when q2 <= 15 then 0 when q2 <= 30 then 1 when q2 <= 60 then 2 when q2 > 60 then 3 end + q5a as latency,
        100 * q4 / nullif((q3 - q1 + 48)::numeric % 24, 0)::float as efficiency
    from answers
)

select
    response_key,
    person_key,
    site,
    questionnaire_code,
    'PSQI' as fact,
    scored_on,
    case
        when disturbances = 9 then
            q6 + ceil(latency / 2) + case when q4 > 7 then 0 when q4 >= 6 then 1 when q4 >= 5 then 2 when q4 < 5 then 3 end
            + case when efficiency >= 85 then 0 when efficiency >= 75 then 1 when efficiency >= 65 then 2 when efficiency < 65 then 3 end
            + ceil(disturbed / 9) + q7 + ceil((q8 + q9) / 2)
    end as value
from measured
