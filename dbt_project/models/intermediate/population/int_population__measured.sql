-- Who counts for a measure, and for whom it is true. A rate is the share of the second among the first.
{% call carry('person_key') %}
with measured as (
    select
        people.person_key,
        people.site,
        people.exam_year,
        people.sex,
        people.age_band,
        people.employer,
        measures.*
    from {{ ref('int_population__diagnosed') }} as people
    cross join lateral (
        values
        ('hypertension', 'hypertension_prevalence', is_pressure_known, has_hypertension),
        ('hypertension', 'hypertension_awareness', is_pressure_known and has_hypertension, hypertension_history = 1),
        ('hypertension', 'hypertension_treatment', is_pressure_known and has_hypertension, bp_medication = 1),
        ('hypertension', 'hypertension_control', is_pressure_known and has_hypertension, sbp_mm_hg < 140 and dbp_mm_hg < 90),
        ('diabetes', 'diabetes_prevalence', is_glucose_known, has_diabetes),
        ('diabetes', 'diabetes_awareness', is_glucose_known and has_diabetes, diabetes_history = 1),
        ('diabetes', 'diabetes_treatment', is_glucose_known and has_diabetes, glucose_medication = 1),
        (
            'diabetes', 'diabetes_control', is_glucose_known and has_diabetes,
            coalesce(hba1c_percent < 7.0, fasting_glucose_mmol_l < 7.0)
        ),
        ('obesity', 'obesity_prevalence', bmi_kg_m2 is not null, bmi_kg_m2 >= 28),
        ('cholesterol', 'cholesterol_high_prevalence', total_cholesterol_mmol_l is not null, total_cholesterol_mmol_l >= 6.2),
        ('kidney', 'ckd_prevalence', egfr is not null, egfr < 60 or coalesce(uacr_mg_g >= 30, false)),
        ('smoking', 'smoking_prevalence', smoking is not null, smoking = 2)
    ) as measures (family, measure, is_counted, is_event)
    where {{ touched('people.person_key') }}
)

select
    person_key,
    site,
    exam_year,
    sex,
    age_band,
    employer,
    family,
    measure,
    coalesce(is_event, false) as is_event
from measured
where is_counted
{% endcall %}
