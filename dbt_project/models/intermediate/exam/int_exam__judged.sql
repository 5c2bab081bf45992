-- How many results an exam has, and how many of them are abnormal.
{% call carry('person_key') %}
select
    exam_key,
    person_key,
    count(*)::int as observation_count,
    (count(*) filter (where interpretation in ('L', 'H', 'A')))::int as abnormal_count
from {{ ref('int_exam__interpreted') }}
where {{ touched('person_key') }}
group by exam_key, person_key
{% endcall %}
