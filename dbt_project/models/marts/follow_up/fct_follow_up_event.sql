select
    follow_up_key,
    person_key,
    site,
    follow_up_date,
    method,
    agent,
    outcome,
    next_date,
    duration_s
from {{ ref('stg_follow_up__follow_ups') }}
