-- How far the values that a programme aims at lie apart among those who were not enrolled.
select
    programme,
    -- exact: of floats it would depend on the order the server reads them in
    stddev_samp(value::numeric)::double precision as value_spread
from {{ ref('int_intervention__compared') }}
group by programme
