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
        registered_at
    from source
)

select * from renamed
