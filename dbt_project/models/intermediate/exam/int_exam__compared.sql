-- A series is one person's values of one indicator at one site: another site's exams never show in it.
{% call carry('person_key') %}
with compared as (
    select
        *,
        row_number() over in_order as exam_number,
        lag(value) over in_order as value_previous,
        value - lag(value) over in_order as change_from_previous,
        value - first_value(value) over in_order as change_from_first
    from {{ ref('int_exam__interpreted') }}
    where value is not null and {{ touched('person_key') }}
    window in_order as (partition by person_key, site, indicator_code order by exam_date, exam_key)
)

select
    compared.*,
    varied.rcv_rise_percent,
    varied.rcv_fall_percent,
    case
        when compared.value > 0 and compared.value_previous > 0
            then abs(ln(compared.value / compared.value_previous)) > varied.rcv_log
    end as is_real_change
from compared
left join {{ ref('int_reference__varied') }} as varied using (indicator_code)
{% endcall %}
