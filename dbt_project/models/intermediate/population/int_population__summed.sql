-- Adults of a site and year with an indicator judged, and of how many it was outside the reference range.
{% call carry('site_year') %}
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
from {{ ref('int_population__interpreted') }}
where {{ touched('site_year') }}
group by site, exam_year, family, measure, sex, age_band, employer
{% endcall %}
