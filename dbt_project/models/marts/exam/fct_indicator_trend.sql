-- In the order in which readers ask, one indicator of their site: its rows lie beside each other. Who is touched, and everybody of a
-- population that is another one than the rows were compared with last.
{% call carry('person_key', shown=true, also=['exam_key', 'indicator_code']) %}
with series as (
    {{ touched_or_of_another_population(ref('int_exam__compared'), ref('int_exam__summarised')) }}
)

select
    series.person_key,
    series.site,
    series.sex,
    series.age_years,
    series.age_band,
    series.indicator_code,
    indicators.indicator,
    indicators.name_zh as indicator_name_zh,
    indicators.name_en as indicator_name_en,
    indicators.category,
    series.exam_key,
    series.exam_date,
    series.exam_year,
    series.value,
    series.unit,
    series.value_raw,
    series.unit_raw,
    series.reference_low,
    series.reference_high,
    series.interpretation,
    series.exam_number::int as exam_number,
    series.value_previous,
    series.change_from_previous,
    series.change_from_first,
    series.rcv_rise_percent,
    series.rcv_fall_percent,
    series.is_real_change,
    slopes.slope_per_year,
    slopes.slope_low,
    slopes.slope_high,
    projected.crossing_threshold,
    projected.crossing_date,
    projected.crossing_earliest,
    projected.crossing_latest,
    population.population_p10,
    population.population_p50,
    population.population_p90,
    ranked.population_percentile
from series
inner join {{ ref('dim_indicator') }} as indicators using (indicator_code)
left join {{ ref('int_exam__summarised') }} as population using (indicator_code, sex, age_band)
left join {{ ref('int_exam__ranked') }} as ranked using (indicator_code, sex, age_band, value)
left join ({{ of_series(ref('int_exam__sloped')) }}) as slopes using (person_key, site, indicator_code) -- noqa: ST05
left join {{ ref('int_exam__projected') }} as projected using (person_key, site, indicator_code)
order by series.indicator_code, series.site, series.person_key, series.exam_date
{% endcall %}
