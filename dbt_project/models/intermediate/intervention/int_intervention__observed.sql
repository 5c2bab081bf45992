-- The values that programmes aim at, each with the next one to one and a half years on: what a person does with or without a programme.
select
    series.person_key,
    series.site,
    targets.programme,
    targets.indicator_code,
    targets.goal,
    series.sex,
    series.age_years,
    series.exam_key,
    series.exam_date,
    series.value,
    series.unit,
    after.exam_date as after_date,
    after.value as value_after
from {{ ref('int_exam__interpreted') }} as series
inner join {{ ref('programme_targets') }} as targets using (indicator_code)
left join lateral (
    select
        later.exam_date,
        later.value
    from {{ ref('int_exam__interpreted') }} as later
    where
        later.person_key = series.person_key
        and later.site = series.site
        and later.indicator_code = series.indicator_code
        and later.value is not null
        and later.exam_date between series.exam_date + 60 and series.exam_date + 540
    order by later.exam_date asc, later.exam_key asc
    limit 1
) as after on true
where series.value is not null and series.sex is not null and series.age_years is not null
