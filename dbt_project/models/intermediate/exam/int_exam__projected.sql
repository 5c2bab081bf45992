-- Where the line through the medians meets the action threshold, if it goes there: the slope's interval excludes zero, and the
-- threshold is ahead of the line and within ten years. The interval is that of the steepest and the flattest slope.
with moving as (
    select
        series.*,
        thresholds.threshold,
        series.last_exam_date - date '2000-01-01' - series.median_day as days_from_median,
        case when thresholds.direction = 'up' then series.slope_low else series.slope_high end as flattest,
        case when thresholds.direction = 'up' then series.slope_high else series.slope_low end as steepest
    from {{ ref('int_exam__sloped') }} as series
    inner join {{ ref('int_person__merged') }} as people using (person_key, site)
    inner join {{ ref('action_thresholds') }} as thresholds
        on
            series.indicator_code = thresholds.indicator_code
            and (thresholds.sex is null or people.sex = thresholds.sex)
            and case when thresholds.direction = 'up' then series.slope_low > 0 else series.slope_high < 0 end
),

ahead as (
    select
        *,
        365.25 * (threshold - median_value) / slope_per_year - days_from_median as days,
        365.25 * (threshold - median_value) / steepest - days_from_median as days_least,
        365.25 * (threshold - median_value) / flattest - days_from_median as days_most
    from moving
)

select
    person_key,
    site,
    indicator_code,
    threshold as crossing_threshold,
    last_exam_date + days::int as crossing_date,
    last_exam_date + greatest(days_least, 0)::int as crossing_earliest,
    last_exam_date + least(days_most, 18262)::int as crossing_latest
from ahead
where days > 0 and days <= 3652.5
