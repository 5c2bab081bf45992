-- IPAQ short form, MET-minutes a week (ipaq.ki.se scoring protocol 2005): questions 1-2 vigorous, 3-4 moderate,
-- 5-6 walking, days a week and minutes a day. Bouts under 10 minutes do not count, a kind of activity counts 180 minutes a day at most; over 960 minutes
-- a day in all the answers are not believed. Where there are no days, no minutes are asked.
with answers as (
    select
        response_key,
        person_key,
        site,
        questionnaire_code,
        {% for name, days in [('vigorous', 1), ('moderate', 3), ('walking', 5)] %}
            max(value) filter (where question_code = '{{ days }}') as {{ name }}_days,
            case
                when max(value) filter (where question_code = '{{ days }}') = 0 then 0
                else max(value) filter (where question_code = '{{ days + 1 }}')
            end as {{ name }}_said,
        {% endfor %}
        answered_on as scored_on
    from {{ ref('int_questionnaire__answered') }}
    where questionnaire_code = 'IPAQ-SF'
    group by response_key, person_key, site, questionnaire_code, answered_on
),

counted as (
    select
        *,
        {% for name in ['vigorous', 'moderate', 'walking'] %}
            case when {{ name }}_said < 10 then 0 else least({{ name }}_said, 180) end as {{ name }}_minutes,
        {% endfor %}
        vigorous_said + moderate_said + walking_said as said
    from answers
)

select
    *,
    8.0 * vigorous_minutes * vigorous_days as vigorous_met,
    case
        when said <= 960 then
            8.0 * vigorous_minutes * vigorous_days + 4.0 * moderate_minutes * moderate_days + 3.3 * walking_minutes * walking_days
    end as value
from counted
