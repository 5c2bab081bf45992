-- How far an item was done, 0 to 1: of what is at least to be done the share that was, of what is at most allowed the share that it is of what was.
select
    items.care_plan_key,
    items.person_key,
    items.site,
    items.plan_date,
    items.category,
    items.item,
    case
        when items.target <= 0 or items.done < 0 or items.done is null then null
        when directions.direction = 'at_most' then least(1, items.target / nullif(greatest(items.done, items.target), 0))
        else least(1, items.done / items.target)
    end as adherence
from {{ ref('stg_care_plan__items') }} as items
left join {{ ref('care_plan_items') }} as directions using (item)
