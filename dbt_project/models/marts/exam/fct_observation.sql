-- The last word on each result, as it was interpreted.
{% call carry('person_key', shown=true) %}
select
    exam_key,
    person_key,
    site,
    indicator_code,
    exam_date,
    value_raw,
    unit_raw,
    comparator,
    value,
    value_text,
    unit,
    reference_low,
    reference_high,
    interpretation,
    result_status,
    load_id
from {{ ref('int_exam__interpreted') }}
where {{ touched('person_key') }}
{% endcall %}
