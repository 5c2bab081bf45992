-- The first day of the year that is still going on: whom people are compared with are the years before it, so that a number that somebody
-- was told holds until the next year. Where there is no earlier year, everybody.
with examined as (
    select
        min(exam_date) as first_exam_date,
        date_trunc('year', max(exam_date) filter (where exam_date <= current_date))::date as new_year
    from {{ ref('stg_exam__exams') }}
)

select case when first_exam_date < new_year then new_year else 'infinity' end as closed_on
from examined
