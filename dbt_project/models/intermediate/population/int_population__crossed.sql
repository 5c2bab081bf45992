-- Which age bands of a site, year and indicator may be shown by sex. Where one has a cell of 1 to 10 people, bands are hidden for both sexes, those
-- first and then the next larger, until of each sex nobody or 11 people are hidden: no total, by sex or by age band, less what is shown finds a small group.
{% call carry('site_year') %}
with people as (
    select distinct
        site,
        exam_year,
        indicator_code,
        age_band,
        sex,
        person_key
    from {{ ref('int_exam__interpreted') }}
    where value is not null and sex is not null and age_band is not null and {{ touched('site_year') }}
),

counted as (
    select
        site,
        exam_year,
        indicator_code,
        age_band,
        count(*) filter (where sex = 'male') as male_count,
        count(*) filter (where sex = 'female') as female_count
    from people
    group by site, exam_year, indicator_code, age_band
),

flagged as (
    select
        *,
        male_count between 1 and 10 or female_count between 1 and 10 as is_small,
        bool_or(male_count between 1 and 10 or female_count between 1 and 10) over (partition by site, exam_year, indicator_code) as has_small
    from counted
),

hidden as (
    select
        *,
        sum(male_count) over smaller as male_hidden,
        sum(female_count) over smaller as female_hidden
    from flagged
    window smaller as (
        partition by site, exam_year, indicator_code
        order by is_small desc, male_count + female_count asc, age_band asc rows between unbounded preceding and 1 preceding
    )
)

select
    site,
    exam_year,
    indicator_code,
    age_band,
    male_count,
    female_count,
    not(has_small and (is_small or male_hidden between 1 and 10 or female_hidden between 1 and 10)) as is_published
from hidden
{% endcall %}
