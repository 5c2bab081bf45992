-- What was measured at a site in a year.
{% call carry('site_year') %}
select distinct
    site,
    exam_year,
    indicator_code
from {{ ref('int_exam__interpreted') }}
where value is not null and {{ touched('site_year') }}
{% endcall %}
