select
    person_key,
    site,
    exam_key,
    exam_date,
    model,
    version,
    recalibrated,
    output,
    value,
    unit,
    category,
    eligible,
    reason_en,
    reason_zh,
    missing,
    source,
    scored_at
from {{ ref('int_risk__scored') }}
where kind = 'equation'
