with measured as (
    select distinct indicator_code from {{ ref('int_exam__measured') }}
)

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
    measured.indicator_code is not null as is_measured
from {{ ref('indicators') }} as indicators
left join measured using (indicator_code)
