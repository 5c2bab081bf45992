with source as (
    select * from {{ source('landing', 'outcome') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        person_key,
        site,
        event_code,
        -- facts
        origin_date,
        time_days,
        observed,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (person_key, site, event_code) *
from renamed
order by person_key asc, site asc, event_code asc, load_id desc, row_number desc
