with source as (
    -- not all of it: where the audio lies and what opens it is nobody's business here
    select
        recording_key,
        person_key,
        site,
        recorded_on,
        agent,
        consent,
        media_type,
        duration_s,
        sha256,
        bytes,
        load_id,
        row_number
    from {{ source('landing', 'call_recording') }}
    {{ unrestricted() }}
),

renamed as (
    select
        -- keys
        recording_key,
        person_key,
        site,
        -- facts
        recorded_on,
        agent,
        consent,
        media_type,
        duration_s as recording_duration_s,
        sha256 as audio_sha256,
        bytes as audio_bytes,
        -- where it came from
        load_id,
        row_number
    from source
)

-- the latest load wins
select distinct on (recording_key) *
from renamed
order by recording_key asc, load_id desc, row_number desc
