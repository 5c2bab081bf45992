-- The latest load wins.
with latest as (
    select distinct on (response_key) *
    from {{ source('landing', 'questionnaire') }}
    {{ unrestricted() }}
    order by response_key asc, load_id desc, row_number desc
)

-- what was taken back last is nothing
select
    -- keys
    response_key,
    person_key,
    site,
    -- facts
    questionnaire_code,
    questionnaire_version,
    answered_on,
    -- where it came from
    load_id,
    row_number
from latest
where status <> 'entered-in-error'
