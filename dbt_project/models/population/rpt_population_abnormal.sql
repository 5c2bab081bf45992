-- What is hidden is absent: int_population__disclosed.
select
    published.site,
    published.exam_year,
    published.division,
    published.stratum,
    indicators.indicator_code,
    indicators.name_zh as indicator_name_zh,
    indicators.name_en as indicator_name_en,
    indicators.category,
    published.person_count,
    published.share as abnormal_share,
    published.share_low,
    published.share_high
from {{ ref('int_population__published') }} as published
inner join {{ ref('indicators') }} as indicators on published.measure = indicators.indicator_code
