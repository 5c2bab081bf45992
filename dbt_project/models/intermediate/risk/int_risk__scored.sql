-- Scores of the version of each model that was registered last, and of the one fitted to the centre's own people.
{% call carry('person_key') %}
with versions as (
    select
        model,
        version,
        kind,
        source,
        is_yearly,
        registered_at,
        version like '%-%' as recalibrated
    from {{ ref('stg_risk__models') }}
),

newest as (
    select distinct on (model, recalibrated)
        model,
        version,
        kind,
        source,
        is_yearly,
        recalibrated
    from versions
    order by model asc, recalibrated asc, registered_at desc, version desc
)

select
    scores.*,
    newest.kind,
    newest.source,
    newest.is_yearly,
    newest.recalibrated
from {{ ref('stg_risk__scores') }} as scores
inner join newest using (model, version)
where {{ touched('scores.person_key') }}
{% endcall %}
