-- What an age band, or a wider group of them, weighs in the standard population.
select
    age_band as stratum,
    weight::numeric as weight,
    source
from {{ ref('standard_population') }}
union all
select
    bands.age_group as stratum,
    sum(standard.weight::numeric) as weight,
    max(standard.source) as source
from {{ ref('standard_population') }} as standard
inner join {{ ref('age_bands') }} as bands using (age_band)
group by bands.age_group
