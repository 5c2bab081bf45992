with source as (
    select * from {{ source('landing', 'questionnaire') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        response_key,
        person_key,
        site,
        -- facts
        questionnaire_code,
        questionnaire_version,
        answered_on,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (response_key) *
from renamed
order by response_key asc, load_id desc, row_number desc
