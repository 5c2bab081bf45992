-- From each model's validation: metrics.json beside its coefficients, registered with the model.
with points as (
    select
        model,
        version,
        calibration_curve,
        generate_series(1, jsonb_array_length(calibration_curve)) as place
    from {{ ref('stg_risk__models') }}
)

select
    model,
    version,
    place,
    (calibration_curve -> (place - 1) ->> 'predicted')::double precision as predicted_risk,
    (calibration_curve -> (place - 1) ->> 'observed')::double precision as observed_risk
from points
