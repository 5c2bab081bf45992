-- Theil-Sen slope with the interval of Sen PK, J Am Stat Assoc 1968;63:1379-1389: the pairs at ranks (N ± 1.96 s)/2, where s² is the
-- variance of Kendall's S corrected for ties in days and in values. Pairs never leave their series: written out they outnumber results.
{% call carry('person_key') %}
with repeats as (
    select
        *,
        count(*) over (partition by person_key, site, indicator_code, value) as same_value,
        count(*) over (partition by person_key, site, indicator_code, exam_date) as same_day
    from {{ ref('int_exam__interpreted') }}
    where value is not null and {{ touched('person_key') }}
),

series as (
    select
        person_key,
        site,
        indicator_code,
        count(*)::int as exam_count,
        max(exam_date) as last_exam_date,
        percentile_cont(0.5) within group (order by value) as median_value,
        percentile_cont(0.5) within group (order by exam_date - date '2000-01-01') as median_day,
        sqrt((
            count(*) * (count(*) - 1) * (2 * count(*) + 5)
            - sum((same_value - 1) * (2 * same_value + 5)) - sum((same_day - 1) * (2 * same_day + 5))
        ) / 18.0)::double precision as spread,
        array_agg(value order by exam_date, value) as measured,
        array_agg(exam_date order by exam_date) as days
    from repeats
    group by person_key, site, indicator_code
    having count(*) >= 3 and max(exam_date) - min(exam_date) >= 365
)

select
    series.person_key,
    series.site,
    series.indicator_code,
    series.last_exam_date,
    series.median_value,
    series.median_day,
    (pairs.slopes[(pairs.n + 1) / 2] + pairs.slopes[pairs.n / 2 + 1]) / 2 as slope_per_year,
    pairs.slopes[greatest(round((pairs.n - 1.959963984540054 * series.spread) / 2), 1)::int] as slope_low,
    pairs.slopes[least(round((pairs.n + 1.959963984540054 * series.spread) / 2) + 1, pairs.n)::int] as slope_high
from series
cross join lateral (
    select
        array_agg(rise.slope order by rise.slope) as slopes,
        count(*)::int as n
    from generate_series(1, series.exam_count - 1) as i
    cross join lateral generate_series(i + 1, series.exam_count) as j
    cross join lateral (
        select 365.25 * (series.measured[j] - series.measured[i]) / (series.days[j] - series.days[i]) as slope
        where series.days[j] > series.days[i]
    ) as rise
) as pairs
{% endcall %}
