select
    person_key,
    site,
    exam_key,
    exam_year,
    exam_date,
    sex,
    age_band,
    model,
    version,
    value,
    category,
    category_before
from {{ ref('int_risk__banded') }}
