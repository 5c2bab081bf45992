with source as (
    select * from {{ source('landing', 'card') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        card_key,
        person_key,
        site,
        -- facts
        event,
        event_date,
        card_type,
        package,
        valid_until,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (card_key) *
from renamed
order by card_key asc, load_id desc, row_number desc
