-- Scores of the version of each model that was registered last.
with newest as (
    select distinct on (model)
        model,
        version,
        kind,
        source
    from {{ ref('stg_risk__models') }}
    order by model asc, registered_at desc, version desc
)

select
    scores.*,
    newest.kind,
    newest.source
from {{ ref('stg_risk__scores') }} as scores
inner join newest using (model, version)
