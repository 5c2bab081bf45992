-- The latest load wins.
with latest as (
    select distinct on (care_plan_key) *
    from {{ source('landing', 'care_plan') }}
    {{ unrestricted() }}
    order by care_plan_key asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
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
from latest
where status <> 'entered-in-error'
