with source as (
    select * from {{ source('risk', 'change') }}
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
        input,
        target as risk_target,
        value as risk_then,
        risk as risk_now
    from source
)

select * from renamed
