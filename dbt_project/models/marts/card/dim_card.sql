select
    *,
    coalesce(valid_until > (select as_of from {{ ref('int_rule__dated') }}), true) as is_current
from {{ ref('int_card__dated') }}
