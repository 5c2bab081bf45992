with source as (
    select * from {{ source('landing', 'questionnaire_answer') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        response_key,
        person_key,
        question_code,
        -- facts
        value_raw,
        value,
        value_text,
        status,
        -- where it came from
        load_id,
        row_number
    from source
),

-- the latest load wins
latest as (
    select distinct on (response_key, question_code) *
    from renamed
    order by response_key asc, question_code asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
select
    response_key,
    person_key,
    question_code,
    value_raw,
    value,
    value_text,
    load_id,
    row_number
from latest
where status <> 'entered-in-error'
