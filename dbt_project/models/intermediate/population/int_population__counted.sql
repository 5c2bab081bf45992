-- People and events of each measure and indicator: of a site and year in total, by sex, by age band and by wider ones, by employer.
with cells as (
    select
        site,
        exam_year,
        family,
        measure,
        sex,
        age_band,
        employer,
        count(*) as person_count,
        count(*) filter (where is_event) as event_count
    from {{ ref('int_population__measured') }}
    group by site, exam_year, family, measure, sex, age_band, employer
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
