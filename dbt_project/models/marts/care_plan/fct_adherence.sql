select
    person_key,
    site,
    date_trunc('month', plan_date)::date as plan_month,
    category,
    count(*)::int as item_count,
    count(adherence)::int as answered_count,
    avg(adherence::numeric)::double precision as adherence
from {{ ref('int_care_plan__followed') }}
group by person_key, site, date_trunc('month', plan_date), category
