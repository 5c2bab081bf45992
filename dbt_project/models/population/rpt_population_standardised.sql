-- Direct standardisation over age bands, of measures whose every age band, or wider group, is published: a hidden band would be found from the
-- result and the others. Bands without people leave their weight to the others, `weight_covered` says how much had people.
-- Interval: normal, variance Σ w² p (1 − p) / n (Fleiss JL 2003, ch. 19).
with bands as (
    select
        shown.site,
        shown.exam_year,
        shown.measure,
        shown.person_count,
        shown.event_count::numeric / shown.person_count as share,
        weights.weight,
        weights.source,
        shown.is_grouped,
        shown.is_published
    from {{ ref('int_population__shown') }} as shown
    inner join {{ ref('int_population__weighted') }} as weights using (stratum)
    where shown.division = 'age_band'
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
    group by site, exam_year, measure, source, is_grouped
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
