-- The nearest of those who were not enrolled: same site, sex and year of exam, at most five years and a quarter of a standard deviation apart.
-- Nearest is the sum of both distances; somebody may be the nearest of several. Known before the programme began, all of it.
with paired as (
    select
        enrolled.intervention_key,
        enrolled.start_date - enrolled.exam_date as days_to_start,
        others.person_key as comparison_key,
        others.exam_key as comparison_exam_key,
        others.exam_date as comparison_date,
        others.age_years as comparison_age_years,
        others.value as comparison_value,
        others.after_date as comparison_after_date,
        others.value_after as comparison_value_after,
        abs(others.age_years - enrolled.age_years) / 5.0 + abs(others.value - enrolled.value) / spread.value_spread as distance
    from {{ ref('int_intervention__baselined') }} as enrolled
    inner join {{ ref('int_intervention__spread') }} as spread using (programme)
    inner join {{ ref('int_intervention__compared') }} as others
        on
            enrolled.site = others.site
            and enrolled.programme = others.programme
            and enrolled.sex = others.sex
            and extract(year from enrolled.exam_date) = extract(year from others.exam_date)
            and abs(enrolled.age_years - others.age_years) <= 5
            and abs(enrolled.value - others.value) <= 0.25 * spread.value_spread
    where enrolled.value_after is not null and others.value_after is not null
)

select distinct on (intervention_key) *
from paired
order by intervention_key asc, distance asc, comparison_exam_key asc
