with source as (
    select * from {{ source('landing', 'consultation') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        consultation_key,
        person_key,
        site,
        -- facts
        consultation_date,
        smoking,
        drinking,
        hypertension_history,
        diabetes_history,
        cvd_history,
        family_history_cvd,
        bp_medication,
        statin,
        glucose_medication,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (consultation_key) *
from renamed
order by consultation_key asc, load_id desc, row_number desc
