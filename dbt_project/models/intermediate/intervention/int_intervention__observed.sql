-- The values that programmes aim at, each with the next one to one and a half years on: what a person does with or without a programme.
{% call carry('person_key') %}
with aimed_at as (
    select *
    from {{ ref('int_exam__interpreted') }}
    where
        value is not null and indicator_code in (select indicator_code from {{ ref('programme_targets') }})
        and {{ touched('person_key') }}
),

-- by equal keys, so that the server may hash: looking for each value's next one anew takes a square of the rows
followed as (
    select distinct on (earlier.person_key, earlier.site, earlier.indicator_code, earlier.exam_key)
        earlier.person_key,
        earlier.site,
        earlier.indicator_code,
        earlier.exam_key,
        later.exam_date,
        later.value
    from aimed_at as earlier
    inner join aimed_at as later using (person_key, site, indicator_code)
    where later.exam_date between earlier.exam_date + 60 and earlier.exam_date + 540
    order by
        earlier.person_key asc, earlier.site asc, earlier.indicator_code asc, earlier.exam_key asc, later.exam_date asc, later.exam_key asc
)

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
    followed.exam_date as after_date,
    followed.value as value_after
from aimed_at as series
inner join {{ ref('programme_targets') }} as targets using (indicator_code)
left join followed using (person_key, site, indicator_code, exam_key)
where series.sex is not null and series.age_years is not null
{% endcall %}
