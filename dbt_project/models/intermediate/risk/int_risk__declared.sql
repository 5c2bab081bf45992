-- What people said of themselves, in questionnaires and to a doctor, as one list.
with answers as (
    select
        person_key,
        site,
        answered_on as declared_on,
        question_code as topic,
        case when question_code = 'smoking' then value_text = 'current' else value = 1 end as answer,
        'questionnaire' as source
    from {{ ref('int_questionnaire__answered') }}
    where questionnaire_code = 'LIFESTYLE'
),

consultations as (
    select
        said.person_key,
        said.site,
        said.consultation_date as declared_on,
        topics.topic,
        topics.answer,
        'consultation' as source
    from {{ ref('stg_consultation__consultations') }} as said
    cross join lateral (
        values
        ('smoking', said.smoking = 'current'),
        ('diabetes_history', said.diabetes_history),
        ('bp_medication', said.bp_medication),
        ('glucose_medication', said.glucose_medication),
        ('statin', said.statin),
        ('cvd_history', said.cvd_history),
        ('family_history_cvd', said.family_history_cvd)
    ) as topics (topic, answer)
),

declared as (
    select * from answers
    union all
    select * from consultations
)

select declared.*
from declared
inner join {{ ref('risk_inputs') }} as inputs
    on
        inputs.kind = 'topic'
        and declared.topic = inputs.code
where declared.answer is not null
