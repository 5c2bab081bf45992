select * from {{ ref('int_rule__tagged') }}
