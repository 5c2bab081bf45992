-- HL7 interpretation: below L, within N, above H; a strip that is not negative A; null where nothing can be said.
-- A result "under 5" is only known to be at most 5: it is L or N when the whole of what it may be is.
{% call carry('person_key', sought=['site', 'exam_year']) %}
with ranged as (
    select
        exams.exam_key,
        exams.person_key,
        exams.site,
        observations.indicator_code,
        exams.exam_date,
        exams.exam_year,
        exams.age_years,
        exams.age_band,
        exams.sex,
        observations.value_raw,
        observations.unit_raw,
        observations.comparator,
        observations.value,
        observations.value_text,
        observations.unit,
        ranges.reference_low,
        ranges.reference_high,
        case when observations.comparator in ('>', '>=') then 'infinity' else observations.value end as highest,
        case when observations.comparator in ('<', '<=') then '-infinity' else observations.value end as lowest,
        observations.result_status,
        observations.load_id
    from {{ ref('int_exam__converted') }} as observations
    inner join {{ ref('int_exam__aged') }} as exams using (exam_key)
    left join {{ ref('int_reference__dated') }} as ranges
        on
            observations.indicator_code = ranges.indicator_code
            and exams.sex = ranges.sex
            and exams.age_years between ranges.age_low and ranges.age_high
            and exams.exam_date >= ranges.valid_from and exams.exam_date < ranges.valid_until
    where {{ touched('exams.person_key') }}
)

select
    *,
    case
        when value is null and value_text = 'neg' then 'N'
        when value is null and value_text is not null then 'A'
        when highest < reference_low or (comparator = '<' and value = reference_low) then 'L'
        when lowest > reference_high or (comparator = '>' and value = reference_high) then 'H'
        when coalesce(reference_low, reference_high) is null then null
        when
            lowest >= coalesce(reference_low, '-infinity') and highest <= coalesce(reference_high, 'infinity')
            then 'N'
    end as interpretation
from ranged
-- what is made of it asks by person
order by person_key
{% endcall %}
