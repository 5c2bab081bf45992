-- What is known of each input of risk.
{% call carry('person_key', shown=true) %}
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
where is_latest and {{ touched('person_key') }}
{% endcall %}
