-- What is hidden is absent: int_population__migrated.
select
    site,
    exam_year,
    model,
    band_from,
    band_to,
    person_count,
    from_count,
    person_count::double precision / from_count as share
from {{ ref('int_population__migrated') }}
where is_published
