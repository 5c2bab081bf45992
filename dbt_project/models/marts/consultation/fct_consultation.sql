select
    consultation_key,
    person_key,
    site,
    consultation_date,
    smoking,
    drinking,
    hypertension_history,
    diabetes_history,
    cvd_history,
    family_history_cvd,
    bp_medication,
    statin,
    glucose_medication
from {{ ref('stg_consultation__consultations') }}
