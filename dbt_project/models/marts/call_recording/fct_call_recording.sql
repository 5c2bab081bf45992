select
    recording_key,
    person_key,
    site,
    recorded_on,
    agent,
    consent,
    media_type,
    recording_duration_s,
    audio_sha256,
    audio_bytes
from {{ ref('stg_call_recording__recordings') }}
