select
    care_plan_key,
    person_key,
    site,
    plan_date,
    category,
    item,
    target,
    done,
    unit
from {{ ref('stg_care_plan__items') }}
