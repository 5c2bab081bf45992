with source as (
    select * from {{ source('landing', 'intervention') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        intervention_key,
        person_key,
        site,
        -- facts
        programme,
        start_date,
        end_date,
        status,
        agent,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (intervention_key) *
from renamed
order by intervention_key asc, load_id desc, row_number desc
