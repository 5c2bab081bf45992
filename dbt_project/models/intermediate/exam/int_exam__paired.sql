-- Slopes between any two exams of a series, flattest first.
with series as (
    select
        person_key,
        site,
        indicator_code,
        exam_date,
        value,
        max(exam_date) over of_series - min(exam_date) over of_series as span_days
    from {{ ref('int_exam__interpreted') }}
    where value is not null
    window of_series as (partition by person_key, site, indicator_code)
),

sloped as (
    select
        earlier.person_key,
        earlier.site,
        earlier.indicator_code,
        365.25 * (later.value - earlier.value) / (later.exam_date - earlier.exam_date) as slope
    from series as earlier
    inner join series as later using (person_key, site, indicator_code)
    where later.exam_date > earlier.exam_date and earlier.span_days >= 365
)

select
    *,
    row_number() over (partition by person_key, site, indicator_code order by slope) as place,
    count(*) over (partition by person_key, site, indicator_code) as pair_count
from sloped
