with source as (
    select * from {{ source('risk', 'score') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        person_key,
        site,
        exam_key,
        -- facts
        exam_date,
        model,
        version,
        output,
        value,
        unit,
        category,
        eligible,
        reason_en,
        reason_zh,
        missing,
        scored_at
    from source
)

select * from renamed
