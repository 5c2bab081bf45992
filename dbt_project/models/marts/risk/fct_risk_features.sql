-- Diabetes, as its tag has it: declared, treated, or HbA1c >= 6.5 %, fasting glucose >= 7.0 or 2-hour glucose >= 11.1 mmol/L
-- (中国2型糖尿病防治指南 2020). Laboratory values under these do not rule out a treated diabetes: without an answer it stays unknown.
-- Impaired fasting glucose: >= 6.1 mmol/L.
{% call carry('person_key', shown=true) %}
{%- set measured = 'fresh.hba1c_percent >= 6.5 or fresh.fasting_glucose_mmol_l >= 7.0 or fresh.glucose_2h_mmol_l >= 11.1' %}
select
    exams.person_key,
    exams.site,
    exams.exam_key,
    exams.exam_year,
    exams.exam_date,
    exams.is_latest,
    exams.age_years,
    exams.sex,
    fresh.sbp_mm_hg,
    fresh.dbp_mm_hg,
    fresh.total_cholesterol_mmol_l,
    fresh.hdl_cholesterol_mmol_l,
    fresh.bmi_kg_m2,
    fresh.creatinine_umol_l,
    fresh.ast_u_l,
    fresh.alt_u_l,
    fresh.platelets_10_9_l,
    fresh.hba1c_percent,
    fresh.fasting_glucose_mmol_l,
    fresh.waist_cm,
    fresh.triglycerides_mmol_l,
    fresh.glucose_2h_mmol_l,
    fresh.insulin_mu_l,
    fresh.uacr_mg_g,
    fresh.albumin_g_l,
    fresh.smoker,
    case
        when {{ measured }} or fresh.glucose_medication then true
        else fresh.diabetes_history
    end as diabetes,
    fresh.bp_medication,
    fresh.statin,
    fresh.cvd_history,
    fresh.family_history_cvd,
    case
        when {{ measured }} or fresh.glucose_medication or fresh.fasting_glucose_mmol_l >= 6.1 or fresh.diabetes_history then true
        when fresh.fasting_glucose_mmol_l < 6.1 then fresh.diabetes_history
    end as glucose_disorder,
    residences.north,
    residences.urban
from {{ ref('int_risk__dated') }} as exams
left join {{ ref('int_risk__fresh') }} as fresh using (exam_key)
left join {{ ref('site_residences') }} as residences using (site)
where {{ touched('exams.person_key') }}
{% endcall %}
