with source as (
    select * from {{ source('landing', 'observation') }}
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
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (exam_key, indicator_code) *
from renamed
order by exam_key asc, indicator_code asc, load_id desc, row_number desc
