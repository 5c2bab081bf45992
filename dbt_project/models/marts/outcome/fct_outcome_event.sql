select
    person_key,
    site,
    event_code,
    origin_date,
    time_days,
    observed
from {{ ref('stg_outcome__outcomes') }}
