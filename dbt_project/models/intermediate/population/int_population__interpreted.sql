-- Who of the adults had an indicator judged at their last result of a year, and whether it was outside the reference range.
{% call carry('person_key', sought=['site', 'exam_year']) %}
select distinct on (judged.person_key, judged.site, judged.exam_year, judged.indicator_code)
    judged.person_key,
    judged.site,
    judged.exam_year,
    judged.sex,
    judged.age_band,
    exams.employer,
    judged.indicator_code as family,
    judged.indicator_code as measure,
    judged.interpretation <> 'N' as is_event
from {{ ref('int_exam__interpreted') }} as judged
inner join {{ ref('int_exam__aged') }} as exams using (exam_key)
where judged.interpretation is not null and judged.sex is not null and judged.age_years >= 18 and {{ touched('judged.person_key') }}
order by
    judged.person_key asc, judged.site asc, judged.exam_year asc, judged.indicator_code asc, judged.exam_date desc, judged.exam_key desc
{% endcall %}
