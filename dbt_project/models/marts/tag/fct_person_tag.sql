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
    valid_until,
    is_current,
    evidence,
    source
from {{ ref('int_rule__tagged') }}
