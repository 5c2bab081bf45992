-- The latest load wins.
with latest as (
    select distinct on (response_key, question_code) *
    from {{ source('landing', 'questionnaire_answer') }}
    {{ unrestricted() }}
    order by response_key asc, question_code asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
select
    -- keys
    response_key,
    person_key,
    question_code,
    -- facts
    value_raw,
    value,
    value_text,
    -- where it came from
    load_id,
    row_number
from latest
where status <> 'entered-in-error'
