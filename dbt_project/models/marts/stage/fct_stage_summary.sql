-- In the order in which readers ask. Any two years of a person compared, a group's by the sex and age band of the later; a change is
-- real where it exceeds the reference change value.
{% call carry('person_key', shown=true) %}
select
    later.person_key,
    later.site,
    later.sex,
    later.age_band,
    later.indicator_code,
    indicators.indicator,
    earlier.exam_year as year_from,
    later.exam_year as year_to,
    earlier.value as value_from,
    later.value as value_to,
    later.unit,
    later.value - earlier.value as change,
    earlier.interpretation as interpretation_from,
    later.interpretation as interpretation_to,
    case
        when earlier.value > 0 and later.value > 0 then abs(ln(later.value / earlier.value)) > varied.rcv_log
    end as is_real_change
from {{ ref('int_stage__yearly') }} as earlier
inner join {{ ref('int_stage__yearly') }} as later using (person_key, site, indicator_code)
inner join {{ ref('dim_indicator') }} as indicators using (indicator_code)
left join {{ ref('int_reference__varied') }} as varied using (indicator_code)
where
    earlier.exam_year < later.exam_year
    -- of both: the planner does not infer one from the other
    and {{ touched('earlier.person_key') }} and {{ touched('later.person_key') }}
order by later.indicator_code, later.exam_year, later.site, later.person_key
{% endcall %}
