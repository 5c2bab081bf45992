-- A cell under 11 people is absent, and so many more that none is found by subtraction: int_population__crossed.
{% call carry('site_year', shown=true) %}
with cells as (
    select
        series.site,
        series.exam_year,
        series.sex,
        series.age_band,
        series.indicator_code,
        max(people.person_count)::int as person_count,
        -- exact: a sum of floats would depend on the order the server reads them in
        avg(series.value::numeric)::double precision as mean_value,
        percentile_cont(array[0.1, 0.5, 0.9]) within group (order by series.value) as percentiles
    from {{ ref('int_exam__interpreted') }} as series
    inner join {{ ref('int_population__crossed') }} as bands using (site, exam_year, indicator_code, age_band)
    cross join
        lateral (
            select case series.sex when 'male' then bands.male_count when 'female' then bands.female_count end as person_count
        ) as people
    where bands.is_published and series.value is not null and people.person_count >= 11
        and {{ touched('series.site_year') }}
    group by series.site, series.exam_year, series.sex, series.age_band, series.indicator_code
)

select
    cells.site,
    cells.exam_year,
    cells.sex,
    cells.age_band,
    cells.indicator_code,
    indicators.name_zh as indicator_name_zh,
    indicators.name_en as indicator_name_en,
    indicators.category,
    indicators.unit,
    cells.person_count,
    cells.mean_value,
    cells.percentiles[1] as p10,
    cells.percentiles[2] as p50,
    cells.percentiles[3] as p90
from cells
inner join {{ ref('indicators') }} as indicators using (indicator_code)
{% endcall %}
