-- The contacts that each tag asks for, by the edition of the plan in force when the tag began, up to the next that is to come.
-- A contact is open from the day after the one before it closed until `grace_days` after it is due. A plan of so many `occurrences` begins
-- anew with each new result that the tag rests on; what would have opened later for the result before is then not asked for.
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
        raised.raised_on,
        tags.valid_until as tag_until,
        plans.plan,
        plans.version,
        plans.priority,
        plans.escalate_after_days,
        plans.completed_by,
        plans.text_zh,
        plans.text_en,
        plans.source,
        ((raised.raise_number - 1) * coalesce(plans.occurrences, 0) + nth.number)::int as occurrence,
        raised.raised_on + plans.first_due_days + (nth.number - 1) * coalesce(plans.interval_days, 0) as due_date,
        least(tags.valid_until, case when plans.occurrences is not null then raised.next_raised_on end) as asked_until,
        plans.grace_days,
        dated.as_of
    from {{ ref('int_rule__tagged') }} as tags
    cross join {{ ref('int_rule__dated') }} as dated
    inner join plans
        on tags.tag = plans.tag and tags.valid_from >= plans.valid_from and tags.valid_from < plans.valid_until
    inner join {{ ref('int_rule__raised') }} as raised
        on
            tags.person_tag_key = raised.person_tag_key and dated.as_of >= raised.raised_on and raised.asks_anew
            and (raised.raise_number = 1 or plans.occurrences is not null)
    cross join lateral generate_series(1, coalesce(
        plans.occurrences,
        2 + (least(tags.valid_until, dated.as_of) - tags.valid_from) / plans.interval_days
    )) as nth (number)
),

opened as (
    select
        *,
        due_date + grace_days as closes_on,
        coalesce(lag(due_date + grace_days + 1) over (partition by person_tag_key, plan, raised_on order by occurrence), raised_on) as opens_on
    from asked
)

select *
from opened
where opens_on <= as_of and (asked_until is null or opens_on < asked_until)
