-- What still counts, one column an input.
{% call carry('person_key') %}
select
    exam_key,
    person_key,
    max(input_value) filter (where input = 'sbp_mm_hg') as sbp_mm_hg,
    max(input_value) filter (where input = 'dbp_mm_hg') as dbp_mm_hg,
    max(input_value) filter (where input = 'total_cholesterol_mmol_l') as total_cholesterol_mmol_l,
    max(input_value) filter (where input = 'hdl_cholesterol_mmol_l') as hdl_cholesterol_mmol_l,
    max(input_value) filter (where input = 'bmi_kg_m2') as bmi_kg_m2,
    max(input_value) filter (where input = 'creatinine_umol_l') as creatinine_umol_l,
    max(input_value) filter (where input = 'ast_u_l') as ast_u_l,
    max(input_value) filter (where input = 'alt_u_l') as alt_u_l,
    max(input_value) filter (where input = 'platelets_10_9_l') as platelets_10_9_l,
    max(input_value) filter (where input = 'hba1c_percent') as hba1c_percent,
    max(input_value) filter (where input = 'fasting_glucose_mmol_l') as fasting_glucose_mmol_l,
    max(input_value) filter (where input = 'waist_cm') as waist_cm,
    max(input_value) filter (where input = 'triglycerides_mmol_l') as triglycerides_mmol_l,
    max(input_value) filter (where input = 'glucose_2h_mmol_l') as glucose_2h_mmol_l,
    max(input_value) filter (where input = 'insulin_mu_l') as insulin_mu_l,
    max(input_value) filter (where input = 'uacr_mg_g') as uacr_mg_g,
    max(input_value) filter (where input = 'albumin_g_l') as albumin_g_l,
    max(input_value) filter (where input = 'smoker') = 1 as smoker,
    max(input_value) filter (where input = 'diabetes_history') = 1 as diabetes_history,
    max(input_value) filter (where input = 'glucose_medication') = 1 as glucose_medication,
    max(input_value) filter (where input = 'bp_medication') = 1 as bp_medication,
    max(input_value) filter (where input = 'statin') = 1 as statin,
    max(input_value) filter (where input = 'cvd_history') = 1 as cvd_history,
    max(input_value) filter (where input = 'family_history_cvd') = 1 as family_history_cvd
from {{ ref('int_risk__known') }}
where not stale and {{ touched('person_key') }}
group by exam_key, person_key
{% endcall %}
