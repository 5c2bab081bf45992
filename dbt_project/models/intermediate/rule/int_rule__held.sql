-- Days in a row on which the same edition of a rule holds are one tag.
{% call carry('person_key') %}
with runs as (
    select
        *,
        row_number() over in_order - row_number() over (partition by person_key, site, tag, version, is_held order by day) as run,
        lead(day) over in_order as next_day
    from {{ ref('int_rule__evaluated') }}
    where {{ touched('person_key') }}
    window in_order as (partition by person_key, site, tag order by day)
),

held as (
    select
        person_key,
        site,
        tag,
        version,
        min(day) as valid_from,
        nullif(max(coalesce(next_day, 'infinity')), 'infinity') as valid_until
    from runs
    where is_held
    group by person_key, site, tag, version, run
)

select
    {{ stable_key(['held.person_key', 'held.site', 'held.tag', 'held.valid_from']) }} as person_tag_key,
    held.person_key,
    held.site,
    held.tag,
    held.version::text as version,
    rules.kind,
    rules.severity,
    rules.name_zh,
    rules.name_en,
    held.valid_from,
    held.valid_until,
    rules.source
from held
inner join {{ ref('tag_rules') }} as rules using (tag, version)
{% endcall %}
