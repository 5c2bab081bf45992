-- canonical value = factor * f(value) + shift, f linear or log10: seeds/indicator_units.csv
{% call carry('exam_key') %}
select
    observations.exam_key,
    observations.indicator_code,
    observations.value_raw,
    observations.unit_raw,
    observations.comparator,
    units.factor * case
        when units.transform = 'linear' then observations.value
        when observations.value > 0 then log(observations.value)
    end + units.shift as value,
    observations.value_text,
    indicators.unit,
    observations.value is null or units.factor is not null as is_convertible,
    observations.result_status,
    observations.load_id
from {{ ref('stg_exam__observations') }} as observations
inner join {{ ref('indicators') }} as indicators using (indicator_code)
left join {{ ref('indicator_units') }} as units
    on observations.indicator_code = units.indicator_code and observations.unit = units.unit
-- a result taken back is no result
where observations.result_status not in ('cancelled', 'entered-in-error') and {{ touched('observations.exam_key') }}
{% endcall %}
