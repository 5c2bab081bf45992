with source as (
    select * from {{ source('landing', 'person') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        person_key,
        site,
        -- facts
        sex,
        birth_year,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (person_key, site, load_id) *
from renamed
order by person_key asc, site asc, load_id asc, row_number desc
