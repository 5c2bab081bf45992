with source as (
    select * from {{ source('landing', 'care_plan') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        care_plan_key,
        person_key,
        site,
        -- facts
        plan_date,
        category,
        item,
        target,
        done,
        unit,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (care_plan_key) *
from renamed
order by care_plan_key asc, load_id desc, row_number desc
