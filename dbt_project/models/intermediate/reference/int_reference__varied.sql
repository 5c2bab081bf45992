-- Reference change value on the scale of logarithms, since most results are skewed: Fokkema MR et al. Clin Chem 2006;52:1602-1603.
with varied as (
    select
        indicator_code,
        1.96 * sqrt(2 * ln(1 + (within_cv_percent ^ 2 + analytical_cv_percent ^ 2) / 10000)) as rcv_log
    from {{ ref('biological_variation') }}
)

select
    indicator_code,
    round(rcv_log::numeric, 6)::double precision as rcv_log,
    round(100 * (exp(rcv_log) - 1)::numeric, 2)::double precision as rcv_rise_percent,
    round(100 * (1 - exp(-rcv_log))::numeric, 2)::double precision as rcv_fall_percent
from varied
