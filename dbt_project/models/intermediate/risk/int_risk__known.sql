select * from {{ ref('int_risk__measured') }}
union all
select * from {{ ref('int_risk__answered') }}
