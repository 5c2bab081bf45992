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
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (response_key, question_code) *
from renamed
order by response_key asc, question_code asc, load_id desc, row_number desc
