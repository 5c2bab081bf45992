-- What is hidden is absent: int_population__disclosed.
select
    published.site,
    published.exam_year,
    published.division,
    published.stratum,
    published.measure,
    measures.name_zh,
    measures.name_en,
    published.person_count,
    published.share,
    published.share_low,
    published.share_high,
    measures.source
from {{ ref('int_population__published') }} as published
inner join {{ ref('population_measures') }} as measures using (measure)
