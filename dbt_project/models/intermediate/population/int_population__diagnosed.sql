-- Who has high blood pressure or diabetes: measured, or under treatment, or told so.
select
    *,
    greatest(sbp_mm_hg, dbp_mm_hg) is not null as is_pressure_known,
    sbp_mm_hg >= 140 or dbp_mm_hg >= 90 or coalesce(bp_medication = 1, false) as has_hypertension,
    coalesce(fasting_glucose_mmol_l, hba1c_percent) is not null as is_glucose_known,
    coalesce(fasting_glucose_mmol_l >= 7.0, false) or coalesce(hba1c_percent >= 6.5, false)
    or coalesce(diabetes_history = 1, false) or coalesce(glucose_medication = 1, false) as has_diabetes
from {{ ref('int_population__examined') }}
