-- People and events of each measure: of a site and year in total, by sex, by age band.
select
    measured.site,
    measured.exam_year,
    measured.family,
    measured.measure,
    divisions.division,
    divisions.stratum,
    count(*)::int as person_count,
    (count(*) filter (where measured.is_event))::int as event_count
from {{ ref('int_population__measured') }} as measured
cross join
    lateral (
        values ('total', 'all'), ('sex', measured.sex), ('age_band', measured.age_band)
    ) as divisions (division, stratum)
group by 1, 2, 3, 4, 5, 6
