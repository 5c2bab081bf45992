-- Theil-Sen slope with the interval of Sen PK, J Am Stat Assoc 1968;63:1379-1389: the pairs at ranks (N ± 1.96 s)/2, none where these are
-- not among 1..N, as of three or four values, or s is 0; s² is Kendall's variance of S, ties in both counted. Pairs stay in their series.
{% call carry('person_key') %}
with repeats as (
    select
        *,
        count(*) over (partition by person_key, site, indicator_code, value) - 1 as same_value,
        count(*) over (partition by person_key, site, indicator_code, exam_date) - 1 as same_day
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
        sqrt(nullif(round((
            count(*) * (count(*) - 1) * (2 * count(*) + 5) - sum(same_value * (2 * same_value + 7)) - sum(same_day * (2 * same_day + 7))
        ) / 18.0 + sum(same_value * (same_value - 1)) * sum(same_day * (same_day - 1)) / (9.0 * count(*) * (count(*) - 1) * (count(*) - 2))
        + sum(same_value) * sum(same_day) / (2.0 * count(*) * (count(*) - 1)), 9), 0))::double precision as spread,
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
    pairs.slopes[round((pairs.n - 1.959963984540054 * series.spread) / 2)::int] as slope_low,
    pairs.slopes[round((pairs.n + 1.959963984540054 * series.spread) / 2)::int + 1] as slope_high
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
