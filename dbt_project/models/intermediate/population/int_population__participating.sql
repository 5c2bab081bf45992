-- Members of each year, and whether they came.
with years as (
    select generate_series(min(exam_year), max(exam_year)) as exam_year
    from {{ ref('int_exam__aged') }}
),

-- of an exam before, too: who did not come this year was sent by somebody
sent as (
    select distinct on (exams.person_key, exams.site, years.exam_year)
        exams.person_key,
        exams.site,
        years.exam_year,
        exams.employer
    from {{ ref('int_exam__aged') }} as exams
    inner join years on exams.exam_year <= years.exam_year
    order by exams.person_key asc, exams.site asc, years.exam_year asc, exams.exam_date desc, exams.exam_key desc
)

select distinct
    members.person_key,
    members.site,
    years.exam_year,
    people.sex,
    bands.age_band,
    coalesce(sent.employer, 'none') as employer,
    'participation' as family,
    'participation' as measure,
    exams.person_key is not null as is_event
from {{ ref('int_card__dated') }} as members
inner join years
    on
        members.card_status = 'active'
        and extract(year from members.valid_from) <= years.exam_year
        and coalesce(members.valid_until > make_date(years.exam_year, 1, 1), true)
inner join {{ ref('int_person__merged') }} as people using (person_key, site)
inner join {{ ref('age_bands') }} as bands
    on years.exam_year - people.birth_year between bands.age_low and bands.age_high
left join {{ ref('int_population__examined') }} as exams using (person_key, site, exam_year)
left join sent using (person_key, site, exam_year)
where people.sex is not null and bands.age_low >= 18
