-- The contacts that each tag asks for, by the edition of the plan in force when the tag began, up to the next that is to come.
-- A contact is open from the day after the one before it closed until `grace_days` after it is due.
with plans as (
    select
        *,
        lead(valid_from, 1, 'infinity') over (partition by plan order by valid_from) as valid_until
    from {{ ref('follow_up_plans') }}
),

asked as (
    select
        tags.person_key,
        tags.site,
        tags.tag,
        tags.person_tag_key,
        tags.valid_from as raised_on,
        tags.valid_until as tag_until,
        plans.plan,
        plans.version,
        plans.priority,
        plans.escalate_after_days,
        plans.completed_by,
        plans.text_zh,
        plans.text_en,
        plans.source,
        nth.occurrence,
        tags.valid_from + plans.first_due_days + (nth.occurrence - 1) * coalesce(plans.interval_days, 0) as due_date,
        plans.grace_days,
        dated.as_of
    from {{ ref('int_rule__tagged') }} as tags
    cross join {{ ref('int_rule__dated') }} as dated
    inner join plans
        on tags.tag = plans.tag and tags.valid_from >= plans.valid_from and tags.valid_from < plans.valid_until
    cross join lateral generate_series(1, coalesce(
        plans.occurrences,
        2 + (least(tags.valid_until, dated.as_of) - tags.valid_from) / plans.interval_days
    )) as nth (occurrence)
),

opened as (
    select
        *,
        due_date + grace_days as closes_on,
        coalesce(lag(due_date + grace_days + 1) over (partition by person_tag_key, plan order by occurrence), raised_on) as opens_on
    from asked
)

select *
from opened
where opens_on <= as_of and (occurrence = 1 or tag_until is null or opens_on < tag_until)
