-- Which moves between bands may be published. Small is a move that 1 to 10 people made. Of a site, year and model, hidden are the
-- small moves and then the next larger until those hidden are 11 people: who knows how many moved in all finds no small group
-- from what is shown. What a band held is told only where all of its moves are; what a band received is published nowhere.
with moves as (
    select
        site,
        exam_year,
        model,
        category_before as band_from,
        category as band_to,
        count(*)::int as person_count
    from {{ ref('int_risk__banded') }}
    where category_before is not null
    group by site, exam_year, model, category_before, category
),

judged as (
    select
        *,
        bool_or(person_count < 11) over (partition by site, exam_year, model) as has_small,
        coalesce(sum(person_count) over smaller, 0) as smaller_count
    from moves
    window smaller as (
        partition by site, exam_year, model
        order by person_count asc, band_from asc, band_to asc
        rows between unbounded preceding and 1 preceding
    )
),

shown as (
    select
        *,
        not(has_small and (person_count < 11 or smaller_count < 11)) as is_published
    from judged
)

select
    site,
    exam_year,
    model,
    band_from,
    band_to,
    person_count,
    case when bool_and(is_published) over band then (sum(person_count) over band)::int end as from_count,
    is_published
from shown
window band as (partition by site, exam_year, model, band_from)
