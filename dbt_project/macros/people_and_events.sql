{#- How many people a table of people and measures has in each cell of a population, and how many of them are events. -#}
{% macro people_and_events(people, condition='true') -%}
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
    from {{ people }}
    where {{ condition }}
    group by site, exam_year, family, measure, sex, age_band, employer
{%- endmacro %}
