-- The day that is looked at: `--as-of`, else the last day that anything landed for, so that the same rows build the same marts.
with landed as (
    select max(exam_date) as day from {{ ref('stg_exam__exams') }}
    union all
    select max(answered_on) from {{ ref('stg_questionnaire__responses') }}
    union all
    select max(consultation_date) from {{ ref('stg_consultation__consultations') }}
    union all
    select max(follow_up_date) from {{ ref('stg_follow_up__follow_ups') }}
)

select coalesce(nullif('{{ var("as_of") }}', '')::date, least(max(day), current_date), current_date) as as_of
from landed
