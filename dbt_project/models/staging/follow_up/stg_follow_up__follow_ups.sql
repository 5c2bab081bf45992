with source as (
    select * from {{ source('landing', 'follow_up') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        follow_up_key,
        person_key,
        site,
        -- facts
        follow_up_date,
        method,
        agent,
        outcome,
        next_date,
        duration_s,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (follow_up_key) *
from renamed
order by follow_up_key asc, load_id desc, row_number desc
