select
    indicator_code,
    loinc,
    name_en,
    name_zh,
    category,
    unit,
    value_kind,
    worse_direction,
    hard_min,
    hard_max
from {{ ref('indicators') }}
