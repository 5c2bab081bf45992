-- The last word on each result.
{% call carry('exam_key') %}
with source as (
    select * from {{ source('landing', 'observation') }} {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        exam_key,
        person_key,
        indicator_code,
        -- facts
        value_raw,
        unit_raw,
        comparator,
        value,
        value_text,
        unit,
        status as result_status,
        -- where it came from
        load_id,
        row_number
    from source
    where {{ touched('exam_key') }} and {{ in_touched_loads() }}
)

-- the latest load wins, but a preliminary result never supersedes; of one record's results a correction is the last word
select distinct on (exam_key, indicator_code) *
from renamed
order by
    exam_key asc,
    indicator_code asc,
    result_status = 'preliminary' asc,
    load_id desc,
    row_number desc,
    array_position(array['corrected', 'final', 'preliminary', 'cancelled', 'entered-in-error'], result_status) asc
{% endcall %}
