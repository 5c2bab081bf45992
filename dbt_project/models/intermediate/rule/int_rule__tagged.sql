-- The tags up to the day that is looked at, with the newest that they rest on: of what comes after it nothing is known.
with dated as (
    select
        held.*,
        raised.evidence,
        case when held.valid_until <= days.as_of then held.valid_until end as known_until
    from {{ ref('int_rule__held') }} as held
    inner join {{ ref('int_rule__dated') }} as days on held.valid_from <= days.as_of
    inner join {{ ref('int_rule__raised') }} as raised
        on
            held.person_tag_key = raised.person_tag_key
            and days.as_of >= raised.raised_on
            and (raised.raised_until is null or days.as_of < raised.raised_until)
)

select
    person_tag_key,
    person_key,
    site,
    tag,
    version,
    kind,
    severity,
    name_zh,
    name_en,
    valid_from,
    known_until as valid_until,
    known_until is null as is_current,
    evidence,
    source
from dated
