select
    card_key,
    person_key,
    site,
    event,
    event_date,
    card_type,
    package,
    valid_until
from {{ ref('stg_card__events') }}
