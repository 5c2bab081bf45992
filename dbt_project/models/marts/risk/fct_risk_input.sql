select
    person_key,
    site,
    input,
    input_value,
    known_on,
    age_days,
    heard_from,
    stale
from {{ ref('int_risk__measured') }}
union all
select
    person_key,
    site,
    input,
    input_value,
    known_on,
    age_days,
    heard_from,
    stale
from {{ ref('int_risk__answered') }}
