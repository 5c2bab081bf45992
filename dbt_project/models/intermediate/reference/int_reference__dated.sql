-- A range is in force until the next edition for the same indicator and sex.
select
    indicator_code,
    sex,
    age_low,
    age_high,
    reference_low,
    reference_high,
    valid_from,
    coalesce(min(valid_from) over (
        partition by indicator_code, sex order by valid_from
        range between interval '1 day' following and unbounded following
    ), 'infinity')::date as valid_until
from {{ ref('reference_ranges') }}
