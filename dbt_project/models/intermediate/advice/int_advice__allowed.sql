-- Advice that the current tags lead to; a tag named in `unless_tags` forbids it. Tags that lead to the same words say them once.
with tags as (
    select * from {{ ref('int_rule__tagged') }}
    where is_current
),

editions as (
    select distinct on (advice) *
    from {{ ref('advice_rules') }}
    where valid_from <= (select as_of from {{ ref('int_rule__dated') }})
    order by advice asc, valid_from desc
)

select distinct on (tags.person_key, tags.site, rules.text_en)
    tags.person_key,
    tags.site,
    tags.person_tag_key,
    tags.valid_from as advised_on,
    tags.evidence,
    tags.kind = 'critical' as is_critical,
    rules.*
from tags
inner join editions as rules using (tag)
where
    not exists (
        select from tags as others
        where
            others.person_key = tags.person_key
            and others.site = tags.site
            and others.tag = any(string_to_array(rules.unless_tags, ' '))
    )
order by tags.person_key, tags.site, rules.text_en, rules.urgency, rules.advice
