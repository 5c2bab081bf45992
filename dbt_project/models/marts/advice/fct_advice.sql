-- At most three, most urgent first; what is urgent suppresses the rest. What critical values lead to comes before all, and none of it is
-- cut off: however many they are, they ask for the same few things.
with ranked as (
    select
        *,
        row_number() over (partition by person_key, site order by is_critical desc, urgency asc, advised_on desc, advice asc) as place,
        min(urgency) over (partition by person_key, site) as most_urgent
    from {{ ref('int_advice__allowed') }}
)

select
    person_key,
    site,
    advice,
    version::text as version,
    tag,
    person_tag_key,
    topic,
    urgency,
    place::int as place,
    advised_on,
    evidence,
    text_zh,
    text_en,
    source
from ranked
where (place <= 3 or is_critical) and (most_urgent > 1 or urgency = 1)
