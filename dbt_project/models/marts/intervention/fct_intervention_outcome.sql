-- effect: the change of the enrolled less that of the matched person over the same window.
select
    enrolled.intervention_key,
    enrolled.person_key,
    enrolled.site,
    enrolled.programme,
    enrolled.status,
    enrolled.indicator_code,
    enrolled.unit,
    enrolled.start_date,
    enrolled.exam_date as before_date,
    enrolled.value as value_before,
    enrolled.after_date,
    enrolled.value_after,
    enrolled.value_after - enrolled.value as change,
    enrolled.goal,
    enrolled.value_after < enrolled.goal as is_goal_reached,
    matched.comparison_exam_key,
    matched.comparison_value_after - matched.comparison_value as comparison_change,
    enrolled.value_after - enrolled.value - (matched.comparison_value_after - matched.comparison_value) as effect
from {{ ref('int_intervention__baselined') }} as enrolled
left join {{ ref('int_intervention__matched') }} as matched using (intervention_key)
