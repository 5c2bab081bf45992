-- Interval: Wilson EB, J Am Stat Assoc 1927;22:209-212. What is hidden is absent: int_population__disclosed.
with published as (
    select
        *,
        event_count::double precision / person_count as share,
        1.959963984540054 ^ 2 / person_count as z2
    from {{ ref('int_population__disclosed') }}
    where is_published
)

select
    published.site,
    published.exam_year,
    published.division,
    published.stratum,
    published.measure,
    measures.name_zh,
    measures.name_en,
    published.person_count,
    published.share,
    (published.share + z2 / 2 - sqrt(z2 * (published.share * (1 - published.share) + z2 / 4))) / (1 + z2) as share_low,
    (published.share + z2 / 2 + sqrt(z2 * (published.share * (1 - published.share) + z2 / 4))) / (1 + z2) as share_high,
    measures.source
from published
inner join {{ ref('population_measures') }} as measures using (measure)
