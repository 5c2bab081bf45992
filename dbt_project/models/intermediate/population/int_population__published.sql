-- What may be published, as shares. Interval: Wilson EB, J Am Stat Assoc 1927;22:209-212.
with published as (
    select
        *,
        event_count::double precision / person_count as share,
        1.959963984540054 ^ 2 / person_count as z2
    from {{ ref('int_population__shown') }}
    where is_published
)

select
    site,
    exam_year,
    division,
    stratum,
    measure,
    person_count,
    share,
    (share + z2 / 2 - sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) as share_low,
    (share + z2 / 2 + sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) as share_high
from published
