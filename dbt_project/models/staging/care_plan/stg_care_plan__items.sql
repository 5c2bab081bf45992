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
        status,
        -- where it came from
        load_id,
        row_number
    from source
),

-- the latest load wins
latest as (
    select distinct on (care_plan_key) *
    from renamed
    order by care_plan_key asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
select
    care_plan_key,
    person_key,
    site,
    plan_date,
    category,
    item,
    target,
    done,
    unit,
    load_id,
    row_number
from latest
where status <> 'entered-in-error'
