select * from {{ ref('int_follow_up__done') }}
