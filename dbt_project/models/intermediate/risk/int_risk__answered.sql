-- The latest word on each topic before or at the exam.
select
    exams.person_key,
    exams.site,
    {{ latest('said.answer', "said.topic = 'smoking'", 'said.declared_on') }} as smoker,
    {{ latest('said.answer', "said.topic = 'diabetes_history'", 'said.declared_on') }} as diabetes_history,
    {{ latest('said.answer', "said.topic = 'bp_medication'", 'said.declared_on') }} as bp_medication,
    {{ latest('said.answer', "said.topic = 'statin'", 'said.declared_on') }} as statin,
    {{ latest('said.answer', "said.topic = 'cvd_history'", 'said.declared_on') }} as cvd_history
from {{ ref('int_risk__dated') }} as exams
inner join {{ ref('int_risk__declared') }} as said
    on
        exams.person_key = said.person_key
        and exams.site = said.site
        and exams.exam_date >= said.declared_on
group by exams.person_key, exams.site
