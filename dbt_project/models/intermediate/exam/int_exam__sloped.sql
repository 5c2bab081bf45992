-- Theil-Sen slope with the interval of Sen PK, J Am Stat Assoc 1968;63:1379-1389: the pairs at ranks (N ± 1.96 s)/2, where s² is the
-- variance of Kendall's S corrected for ties in days and in values.
with repeats as (
    select
        person_key,
        site,
        indicator_code,
        value,
        exam_date,
        count(*) over (partition by person_key, site, indicator_code, value) as same_value,
        count(*) over (partition by person_key, site, indicator_code, exam_date) as same_day
    from {{ ref('int_exam__interpreted') }}
    where value is not null
),

series as (
    select
        person_key,
        site,
        indicator_code,
        count(*) as exam_count,
        max(exam_date) as last_exam_date,
        percentile_cont(0.5) within group (order by value) as median_value,
        percentile_cont(0.5) within group (order by exam_date - date '2000-01-01') as median_day,
        sqrt((
            count(*) * (count(*) - 1) * (2 * count(*) + 5)
            - sum((same_value - 1) * (2 * same_value + 5)) - sum((same_day - 1) * (2 * same_day + 5))
        ) / 18.0)::double precision as spread
    from repeats
    group by person_key, site, indicator_code
    having count(*) >= 3
)

select
    series.*,
    percentile_cont(0.5) within group (order by pairs.slope) as slope_per_year,
    min(pairs.slope) filter (
        where pairs.place = greatest(round((pairs.pair_count - 1.959963984540054 * series.spread) / 2), 1)
    ) as slope_low,
    min(pairs.slope) filter (
        where pairs.place = least(round((pairs.pair_count + 1.959963984540054 * series.spread) / 2) + 1, pairs.pair_count)
    ) as slope_high
from series
inner join {{ ref('int_exam__paired') }} as pairs using (person_key, site, indicator_code)
group by
    series.person_key, series.site, series.indicator_code, series.exam_count, series.last_exam_date, series.median_value,
    series.median_day, series.spread
