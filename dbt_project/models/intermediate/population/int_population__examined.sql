-- What is known of a person at the last exam of each year: measured that year, said within two years.
with exams as (
    select distinct on (person_key, site, exam_year) *
    from {{ ref('int_exam__aged') }}
    where sex is not null and age_years >= 18
    order by person_key asc, site asc, exam_year asc, exam_date desc, exam_key desc
)

select
    exams.person_key,
    exams.site,
    exams.exam_year,
    exams.sex,
    exams.age_band,
    exams.employer,
    {% for name, fact in [('sbp_mm_hg', 'SBP'), ('dbp_mm_hg', 'DBP'), ('fasting_glucose_mmol_l', 'FPG'), ('hba1c_percent', 'HBA1C'),
        ('bmi_kg_m2', 'BMI'), ('total_cholesterol_mmol_l', 'TC'), ('egfr', 'ckd_epi_2021.egfr'), ('uacr_mg_g', 'UACR')] %}
        max(facts.value) filter (
            where facts.fact = '{{ fact }}' and extract(year from facts.evidence_date) = exams.exam_year
        ) as {{ name }},
    {% endfor %}
    {% for fact in ['hypertension_history', 'bp_medication', 'diabetes_history', 'glucose_medication', 'smoking'] %}
        max(facts.value) filter (
            where facts.fact = '{{ fact }}' and facts.evidence_date >= exams.exam_date - 730
        ) as {{ fact }},
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
