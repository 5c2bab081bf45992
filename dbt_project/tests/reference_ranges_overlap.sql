-- At one age, sex and day an indicator has one reference range.
select
    one.indicator_code,
    one.sex,
    one.age_low
from {{ ref('int_reference__dated') }} as one
inner join {{ ref('int_reference__dated') }} as other
    on
        one.indicator_code = other.indicator_code
        and one.sex = other.sex
        and one.age_low < other.age_low
        and one.age_high >= other.age_low
        and one.valid_from < other.valid_until
        and one.valid_until > other.valid_from
