with source as (
    select * from {{ source('landing', 'exam') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        exam_key,
        person_key,
        site,
        -- facts
        exam_date,
        age_years,
        exam_type,
        package,
        employer_key,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (exam_key) *
from renamed
order by exam_key asc, load_id desc, row_number desc
