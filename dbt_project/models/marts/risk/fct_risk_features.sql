-- Diabetes: declared, or HbA1c >= 6.5 % or fasting glucose >= 7.0 mmol/L (中国2型糖尿病防治指南 2020). Laboratory values under
-- these do not rule out a treated diabetes: without an answer it stays unknown.
select
    exams.person_key,
    exams.site,
    exams.exam_key,
    exams.exam_date,
    exams.age_years,
    exams.sex,
    measured.sbp_mm_hg,
    measured.dbp_mm_hg,
    measured.total_cholesterol_mmol_l,
    measured.hdl_cholesterol_mmol_l,
    measured.bmi_kg_m2,
    measured.creatinine_umol_l,
    measured.ast_u_l,
    measured.alt_u_l,
    measured.platelets_10_9_l,
    measured.hba1c_percent,
    measured.fasting_glucose_mmol_l,
    answered.smoker,
    case
        when measured.hba1c_percent >= 6.5 or measured.fasting_glucose_mmol_l >= 7.0 then true
        else answered.diabetes_history
    end as diabetes,
    answered.bp_medication,
    answered.statin,
    answered.cvd_history
from {{ ref('int_risk__dated') }} as exams
left join {{ ref('int_risk__measured') }} as measured using (person_key, site)
left join {{ ref('int_risk__answered') }} as answered using (person_key, site)
