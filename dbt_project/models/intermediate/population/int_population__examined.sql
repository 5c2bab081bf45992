-- What is known of a person at the last exam of each year: measured that year, said within two years.
{% call carry('person_key') %}
with exams as (
    select distinct on (person_key, site, exam_year) *
    from {{ ref('int_exam__aged') }}
    where sex is not null and age_years >= 18 and {{ touched('person_key') }}
    order by person_key asc, site asc, exam_year asc, exam_date desc, exam_key desc
)

select
    exams.person_key,
    exams.site,
    exams.exam_year,
    exams.sex,
    exams.age_band,
    exams.employer,
    {% set measured, said = 'extract(year from facts.evidence_date) = exams.exam_year', 'facts.evidence_date >= exams.exam_date - 730' %}
    {% for name, fact, counts in [
        ('sbp_mm_hg', 'SBP', measured), ('dbp_mm_hg', 'DBP', measured), ('fasting_glucose_mmol_l', 'FPG', measured),
        ('hba1c_percent', 'HBA1C', measured), ('bmi_kg_m2', 'BMI', measured), ('total_cholesterol_mmol_l', 'TC', measured),
        ('egfr', 'ckd_epi_2021.egfr', measured), ('uacr_mg_g', 'UACR', measured),
        ('hypertension_history', 'hypertension_history', said), ('bp_medication', 'bp_medication', said),
        ('diabetes_history', 'diabetes_history', said), ('glucose_medication', 'glucose_medication', said), ('smoking', 'smoking', said),
    ] %}
        max(facts.value) filter (where facts.fact = '{{ fact }}' and {{ counts }}) as {{ name }},
    {% endfor %}
    exams.exam_date
from exams
left join {{ ref('int_rule__sequenced') }} as facts
    on
        exams.person_key = facts.person_key
        and exams.site = facts.site
        and facts.nth = 1
        and exams.exam_date >= facts.known_from
        and exams.exam_date < facts.known_until
group by exams.person_key, exams.site, exams.exam_year, exams.sex, exams.age_band, exams.employer, exams.exam_date
{% endcall %}
