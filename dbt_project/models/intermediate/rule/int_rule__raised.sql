-- The days on which a tag came to rest on new facts: the day it began and, while it holds, every day of a fact that meets one of its
-- conditions; what it rests on then counts until the next. What was only told again asks for no contact, a new result does.
{% call carry('person_key') %}
with days as (
    select
        held.person_tag_key,
        held.person_key,
        looked.day as raised_on,
        looked.day = held.valid_from or looked.is_result as asks_anew,
        looked.evidence
    from {{ ref('int_rule__held') }} as held
    inner join {{ ref('int_rule__evaluated') }} as looked
        on
            held.person_key = looked.person_key
            and held.site = looked.site
            and held.tag = looked.tag
            and held.version = looked.version::text
            and looked.day >= held.valid_from
            and (held.valid_until is null or looked.day < held.valid_until)
            and (looked.day = held.valid_from or looked.is_new)
    where {{ touched('held.person_key') }}
)

select
    *,
    lead(raised_on) over in_order as raised_until,
    (count(*) filter (where asks_anew) over in_order)::int as raise_number,
    min(raised_on) filter (where asks_anew) over (in_order rows between 1 following and unbounded following) as next_raised_on
from days
window in_order as (partition by person_tag_key order by raised_on)
{% endcall %}
