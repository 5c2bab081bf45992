-- What people said of themselves as numbers: yes 1, no 0; never, former, current smoking and the like 0, 1, 2.
with consultations as (
    select
        said.person_key,
        said.site,
        said.consultation_date as fact_date,
        topics.fact,
        topics.value,
        'consultation' as evidence_kind,
        said.consultation_key as evidence_key
    from {{ ref('stg_consultation__consultations') }} as said
    cross join lateral (
        values
        ('smoking', array_position(array['never', 'former', 'current'], said.smoking) - 1),
        ('drinking', array_position(array['never', 'occasional', 'regular'], said.drinking) - 1),
        ('hypertension_history', said.hypertension_history::int),
        ('diabetes_history', said.diabetes_history::int),
        ('cvd_history', said.cvd_history::int),
        ('family_history_cvd', said.family_history_cvd::int),
        ('bp_medication', said.bp_medication::int),
        ('statin', said.statin::int),
        ('glucose_medication', said.glucose_medication::int)
    ) as topics (fact, value)
)

select
    person_key,
    site,
    answered_on as fact_date,
    question_code as fact,
    coalesce(value, case
        when value_text in ('never', 'low') then 0
        when value_text in ('former', 'occasional', 'moderate') then 1
        when value_text in ('current', 'regular', 'high') then 2
    end) as value,
    'answer' as evidence_kind,
    response_key as evidence_key
from {{ ref('int_questionnaire__answered') }}
where questionnaire_code = 'LIFESTYLE'
union all
select * from consultations
