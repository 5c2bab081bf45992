-- People and events of each measure and indicator: of a site and year in total, by sex, by age band and by wider ones, by employer.
with cells as (
    {{ people_and_events(ref('int_population__measured')) }}
    union all
    {{ people_and_events(ref('int_population__followed_up')) }}
    union all
    {{ people_and_events(ref('int_population__participating')) }}
    union all
    select * from {{ ref('int_population__summed') }}
)

select
    cells.site,
    cells.exam_year,
    cells.family,
    cells.measure,
    divisions.division,
    divisions.stratum,
    sum(cells.person_count)::int as person_count,
    sum(cells.event_count)::int as event_count
from cells
inner join {{ ref('age_bands') }} as bands using (age_band)
cross join
    lateral (
        values ('total', 'all'), ('sex', cells.sex), ('age_band', cells.age_band), ('age_group', bands.age_group),
        ('employer', cells.employer)
    ) as divisions (division, stratum)
group by
    cells.site, cells.exam_year, cells.family, cells.measure, divisions.division, divisions.stratum
