-- Both of a pair, from the day the programme began; for the comparison as many days after its exam. Nobody is counted before that day:
-- the enrolled cannot have reached the goal earlier and still enrol (immortal time, Suissa S, Am J Epidemiol 2008;167:492-499).
select
    enrolled.intervention_key,
    'enrolled' as arm,
    enrolled.person_key,
    enrolled.site,
    enrolled.programme,
    enrolled.indicator_code,
    enrolled.goal,
    enrolled.exam_date,
    enrolled.start_date as origin_date
from {{ ref('int_intervention__baselined') }} as enrolled
inner join {{ ref('int_intervention__matched') }} using (intervention_key)
where enrolled.value >= enrolled.goal
union all
select
    enrolled.intervention_key,
    'comparison' as arm,
    matched.comparison_key as person_key,
    enrolled.site,
    enrolled.programme,
    enrolled.indicator_code,
    enrolled.goal,
    matched.comparison_date as exam_date,
    matched.comparison_date + matched.days_to_start as origin_date
from {{ ref('int_intervention__baselined') }} as enrolled
inner join {{ ref('int_intervention__matched') }} as matched using (intervention_key)
where matched.comparison_value >= enrolled.goal
