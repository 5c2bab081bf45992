-- A membership between two events of its card: active after issue, renewal and replacement, until the next event or until it expires.
with ordered as (
    select
        *,
        lead(event_date, 1, 'infinity') over (
            partition by person_key, site
            order by event_date, array_position(array['issue', 'renew', 'suspend', 'replace', 'close'], event), card_key
        ) as next_event_date
    from {{ ref('stg_card__events') }}
),

dated as (
    select
        *,
        case event when 'suspend' then 'suspended' when 'close' then 'closed' else 'active' end as card_status,
        case
            when event in ('suspend', 'close') then next_event_date
            else least(next_event_date, valid_until + 1)
        end as until
    from ordered
)

select
    card_key,
    person_key,
    site,
    card_status,
    card_type,
    package,
    event_date as valid_from,
    nullif(until, 'infinity') as valid_until
from dated
where until > event_date
