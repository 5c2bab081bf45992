-- The last known value of each input at each exam, measured or told.
{% call carry('person_key') %}
select * from {{ ref('int_risk__measured') }}
where {{ touched('person_key') }}
union all
select * from {{ ref('int_risk__answered') }}
where {{ touched('person_key') }}
{% endcall %}
