-- A cell under 11 people is absent, and so many more that none is found by subtraction: int_population__crossed.
select
    series.site,
    series.exam_year,
    series.sex,
    series.age_band,
    series.indicator_code,
    indicators.name_zh as indicator_name_zh,
    indicators.name_en as indicator_name_en,
    indicators.category,
    indicators.unit,
    count(distinct series.person_key)::int as person_count,
    -- exact: a sum of floats would depend on the order the server reads them in
    avg(series.value::numeric)::double precision as mean_value,
    percentile_cont(0.1) within group (order by series.value) as p10,
    percentile_cont(0.5) within group (order by series.value) as p50,
    percentile_cont(0.9) within group (order by series.value) as p90
from {{ ref('int_exam__interpreted') }} as series
inner join {{ ref('indicators') }} as indicators using (indicator_code)
inner join {{ ref('int_population__crossed') }} as bands using (site, exam_year, indicator_code, age_band)
where bands.is_published and series.value is not null and series.sex is not null and series.age_band is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
having count(distinct series.person_key) >= 11
