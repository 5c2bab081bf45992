select
    intervention_key,
    person_key,
    site,
    programme,
    start_date,
    end_date,
    status,
    agent
from {{ ref('stg_intervention__interventions') }}
