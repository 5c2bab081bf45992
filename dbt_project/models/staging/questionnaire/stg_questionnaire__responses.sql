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
        status,
        -- where it came from
        load_id,
        row_number
    from source
),

-- the latest load wins
latest as (
    select distinct on (response_key) *
    from renamed
    order by response_key asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
select
    response_key,
    person_key,
    site,
    questionnaire_code,
    questionnaire_version,
    answered_on,
    load_id,
    row_number
from latest
where status <> 'entered-in-error'
