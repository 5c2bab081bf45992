-- What people said of themselves, in questionnaires and to a doctor, as one list.
with answers as (
    select
        person_key,
        site,
        answered_on as declared_on,
        question_code as topic,
        case when question_code = 'smoking' then value_text = 'current' else value = 1 end as answer
    from {{ ref('int_questionnaire__answered') }}
    where questionnaire_code = 'LIFESTYLE'
),

consultations as (
    select
        said.person_key,
        said.site,
        said.consultation_date as declared_on,
        topics.topic,
        topics.answer
    from {{ ref('stg_consultation__consultations') }} as said
    cross join lateral (
        values
        ('smoking', said.smoking = 'current'),
        ('diabetes_history', said.diabetes_history),
        ('bp_medication', said.bp_medication),
        ('statin', said.statin),
        ('cvd_history', said.cvd_history)
    ) as topics (topic, answer)
),

declared as (
    select * from answers
    union all
    select * from consultations
)

select * from declared
where
    answer is not null
    and topic in ('smoking', 'diabetes_history', 'bp_medication', 'statin', 'cvd_history')
