-- Ages are shown in bands, or in the wider groups where not all bands could be shown and all groups can; never in both, which
-- subtracted would tell a hidden band.
with judged as (
    select
        *,
        bool_and(is_published) filter (where division = 'age_band') over family as has_bands,
        coalesce(bool_and(is_published) filter (where division = 'age_group') over family, false) as has_groups
    from {{ ref('int_population__disclosed') }}
    window family as (partition by site, exam_year, family)
)

select
    site,
    exam_year,
    measure,
    case division when 'age_group' then 'age_band' else division end as division,
    division = 'age_group' as is_grouped,
    stratum,
    person_count,
    event_count,
    is_published and case division
        when 'age_band' then has_bands or not has_groups
        when 'age_group' then has_groups and not has_bands
        else true
    end as is_published
from judged
