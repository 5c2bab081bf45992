with source as (
    select * from {{ source('risk', 'model') }}
),

renamed as (
    select
        -- facts
        model,
        version,
        kind,
        source,
        coalesce((card ->> 'yearly')::boolean, false) as is_yearly,
        card -> 'calibration_curve' as calibration_curve,
        registered_at
    from source
)

select * from renamed
