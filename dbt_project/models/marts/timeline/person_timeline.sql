-- Everything that happened to a person, as one list.
{% set events = [
    ('exam', 'stg_exam__exams', 'exam_key', 'exam_date', 'package'),
    ('questionnaire', 'stg_questionnaire__responses', 'response_key', 'answered_on', 'questionnaire_code'),
    ('consultation', 'stg_consultation__consultations', 'consultation_key', 'consultation_date', 'null'),
    ('follow_up', 'stg_follow_up__follow_ups', 'follow_up_key', 'follow_up_date', 'outcome'),
    ('card', 'stg_card__events', 'card_key', 'event_date', 'event'),
    ('intervention_start', 'stg_intervention__interventions', 'intervention_key', 'start_date', 'programme'),
    ('intervention_end', 'stg_intervention__interventions', 'intervention_key', 'end_date', 'programme'),
    ('tag', 'int_rule__tagged', 'person_tag_key', 'valid_from', "name_zh || ' ' || name_en"),
    ('follow_up_due', 'int_follow_up__timed', 'follow_up_due_key', 'due_date', "text_zh || ' ' || text_en"),
] %}
{% for kind, model, key, day, detail in events %}
    select
        person_key,
        site,
        {{ day }} as event_date,
        '{{ kind }}' as event_kind,
        {{ key }} as event_key,
        ({{ detail }})::text as detail
    from {{ ref(model) }}
    where {{ day }} is not null
    {{ 'union all' if not loop.last }}
{% endfor %}
