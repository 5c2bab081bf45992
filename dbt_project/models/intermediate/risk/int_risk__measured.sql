-- What the equations ask for, at the latest exam or carried from at most two years before it.
select
    exams.person_key,
    exams.site,
    {{ latest('measured.value', "measured.indicator_code = 'SBP'", 'measured.exam_date') }} as sbp_mm_hg,
    {{ latest('measured.value', "measured.indicator_code = 'DBP'", 'measured.exam_date') }} as dbp_mm_hg,
    {{ latest('measured.value', "measured.indicator_code = 'TC'", 'measured.exam_date') }} as total_cholesterol_mmol_l,
    {{ latest('measured.value', "measured.indicator_code = 'HDLC'", 'measured.exam_date') }} as hdl_cholesterol_mmol_l,
    {{ latest('measured.value', "measured.indicator_code = 'BMI'", 'measured.exam_date') }} as bmi_kg_m2,
    {{ latest('measured.value', "measured.indicator_code = 'CREA'", 'measured.exam_date') }} as creatinine_umol_l,
    {{ latest('measured.value', "measured.indicator_code = 'AST'", 'measured.exam_date') }} as ast_u_l,
    {{ latest('measured.value', "measured.indicator_code = 'ALT'", 'measured.exam_date') }} as alt_u_l,
    {{ latest('measured.value', "measured.indicator_code = 'PLT'", 'measured.exam_date') }} as platelets_10_9_l,
    {{ latest('measured.value', "measured.indicator_code = 'HBA1C'", 'measured.exam_date') }} as hba1c_percent,
    {{ latest('measured.value', "measured.indicator_code = 'FPG'", 'measured.exam_date') }} as fasting_glucose_mmol_l
from {{ ref('int_risk__dated') }} as exams
inner join {{ ref('int_exam__interpreted') }} as measured
    on
        exams.person_key = measured.person_key
        and exams.site = measured.site
        and measured.exam_date between exams.exam_date - interval '2 years' and exams.exam_date
where measured.value is not null
group by exams.person_key, exams.site
