-- Who could have been enrolled and was not: values of people in no programme from a year before to 540 days after.
{% call carry('person_key') %}
select observed.*
from {{ ref('int_intervention__observed') }} as observed
where
    {{ touched('observed.person_key') }}
    and not exists (
        select from {{ ref('stg_intervention__interventions') }} as enrolled
        where
            enrolled.person_key = observed.person_key
            and enrolled.start_date between observed.exam_date - 365 and observed.exam_date + 540
    )
{% endcall %}
