select
    site,
    exam_year,
    count(distinct person_key)::int as person_count,
    count(*)::int as exam_count,
    avg(observation_count)::double precision as mean_indicators
from {{ ref('fct_exam') }}
group by site, exam_year
having count(distinct person_key) >= 11
