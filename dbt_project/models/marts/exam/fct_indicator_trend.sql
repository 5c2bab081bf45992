select
    series.person_key,
    series.site,
    series.sex,
    series.age_years,
    series.age_band,
    series.indicator_code,
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
    series.slope_per_year,
    population.population_p10,
    population.population_p50,
    population.population_p90
from {{ ref('int_exam__compared') }} as series
inner join {{ ref('indicators') }} as indicators using (indicator_code)
left join {{ ref('int_exam__summarised') }} as population
    using (indicator_code, sex, age_band)
