select
    person_key,
    site,
    input,
    input_value,
    known_on,
    age_days,
    heard_from,
    stale
from {{ ref('int_risk__known') }}
where is_latest
