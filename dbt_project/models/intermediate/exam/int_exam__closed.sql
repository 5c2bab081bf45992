-- The first day of the year that is still going on: whom people are compared with are the years before it, so that a number that somebody
-- was told holds until the next year. Where there is no earlier year, everybody.
select
    case
        when min(exam_date) < date_trunc('year', max(exam_date) filter (where exam_date <= current_date))
            then date_trunc('year', max(exam_date) filter (where exam_date <= current_date))::date
        else 'infinity'::date
    end as closed_on
from {{ ref('stg_exam__exams') }}
