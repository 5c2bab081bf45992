-- A series is one person's values of one indicator at one site: another site's exams never show in it.
-- Slope: least squares over the whole series, per year of 365.25 days; under 3 exams or a year it says nothing.
select
    *,
    row_number() over in_order as exam_number,
    lag(value) over in_order as value_previous,
    value - lag(value) over in_order as change_from_previous,
    value - first_value(value) over in_order as change_from_first,
    case
        when count(*) over series >= 3 and max(exam_date) over series - min(exam_date) over series >= 365
            then 365.25 * regr_slope(value, exam_date - date '2000-01-01') over series
    end as slope_per_year
from {{ ref('int_exam__interpreted') }}
where value is not null
window
    series as (partition by person_key, site, indicator_code),
    in_order as (series order by exam_date, exam_key)
