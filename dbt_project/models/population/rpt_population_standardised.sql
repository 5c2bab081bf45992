-- Direct standardisation over age bands, of measures whose every age band may be published: a hidden band would be found from the
-- result and the others. Bands without people leave their weight to the others, `weight_covered` says how much had people.
-- Interval: normal, variance Σ w² p (1 − p) / n (Fleiss JL 2003, ch. 19).
with bands as (
    select
        disclosed.site,
        disclosed.exam_year,
        disclosed.measure,
        disclosed.person_count,
        disclosed.event_count::numeric / disclosed.person_count as share,
        standard.weight::numeric as weight,
        standard.source,
        disclosed.is_published
    from {{ ref('int_population__disclosed') }} as disclosed
    inner join {{ ref('standard_population') }} as standard on disclosed.stratum = standard.age_band
    where disclosed.division = 'age_band'
),

standardised as (
    select
        site,
        exam_year,
        measure,
        source,
        sum(weight) as weight_covered,
        sum(weight * share) / sum(weight) as share,
        sqrt(sum((weight ^ 2) * share * (1 - share) / person_count)) / sum(weight) as standard_error
    from bands
    group by site, exam_year, measure, source
    having bool_and(is_published)
)

select
    standardised.site,
    standardised.exam_year,
    standardised.measure,
    measures.name_zh,
    measures.name_en,
    totals.person_count,
    totals.share as crude_share,
    standardised.share::double precision as share,
    greatest(standardised.share - 1.959963984540054 * standardised.standard_error, 0)::double precision as share_low,
    least(standardised.share + 1.959963984540054 * standardised.standard_error, 1)::double precision as share_high,
    standardised.weight_covered::double precision as weight_covered,
    standardised.source
from standardised
inner join {{ ref('rpt_population_rate') }} as totals using (site, exam_year, measure)
inner join {{ ref('population_measures') }} as measures using (measure)
where totals.division = 'total'
