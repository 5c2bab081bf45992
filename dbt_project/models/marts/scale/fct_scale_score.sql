-- A band is looked up by value and, where a limit differs, by sex; IPAQ's category also asks how often.
with scored as (
    select
        scores.response_key,
        scores.person_key,
        scores.site,
        scores.questionnaire_code,
        scores.scored_on,
        scores.value,
        scales.unit,
        scores.band,
        people.sex,
        scales.source
    from {{ ref('int_scale__scored') }} as scores
    inner join {{ ref('scales') }} as scales using (questionnaire_code, fact)
    inner join {{ ref('int_person__merged') }} as people using (person_key, site)
)

select
    scored.response_key,
    scored.person_key,
    scored.site,
    scored.questionnaire_code,
    scored.scored_on,
    scored.value,
    scored.unit,
    bands.band,
    bands.name_zh,
    bands.name_en,
    bands.is_positive,
    scored.source
from scored
left join {{ ref('scale_bands') }} as bands
    on
        scored.questionnaire_code = bands.questionnaire_code
        and (bands.sex is null or scored.sex = bands.sex)
        and (scored.band = bands.band or (scored.band is null and scored.value between bands.value_low and bands.value_high))
