select
    indicators.indicator_code,
    indicators.loinc,
    indicators.name_en,
    indicators.name_zh,
    indicators.name_zh || ' ' || indicators.name_en as indicator,
    indicators.category,
    indicators.unit,
    indicators.value_kind,
    indicators.worse_direction,
    indicators.hard_min,
    indicators.hard_max,
    exists (
        select from {{ ref('int_exam__interpreted') }} as series
        where series.indicator_code = indicators.indicator_code and series.value is not null
    ) as is_measured
from {{ ref('indicators') }} as indicators
