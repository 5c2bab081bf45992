-- Standardised mean differences between enrolled and others, before and after matching; under 0.1 is balanced
-- (Austin PC, Multivariate Behav Res 2011;46:399-424).
with enrolled as (
    select
        baselined.*,
        matched.comparison_age_years,
        matched.comparison_value
    from {{ ref('int_intervention__baselined') }} as baselined
    left join {{ ref('int_intervention__matched') }} as matched using (intervention_key)
),

others as (
    select
        site,
        programme,
        avg(age_years::numeric) as mean_age,
        var_samp(age_years::numeric) as variance_age,
        avg(value::numeric) as mean_value,
        var_samp(value::numeric) as variance_value
    from {{ ref('int_intervention__compared') }}
    group by site, programme
)

select
    enrolled.site,
    enrolled.programme,
    count(*)::int as enrolled_count,
    count(enrolled.comparison_value)::int as matched_count,
    {% for name, column in [('age', 'age_years'), ('value', 'value')] %}
        (
            (avg(enrolled.{{ column }}::numeric) - max(others.mean_{{ name }}))
            / nullif(sqrt((var_samp(enrolled.{{ column }}::numeric) + max(others.variance_{{ name }})) / 2), 0))::double precision
            as {{ name }}_difference_before,
        (
            avg((enrolled.{{ column }} - enrolled.comparison_{{ column }})::numeric)
            / nullif(sqrt((var_samp(enrolled.{{ column }}::numeric) + max(others.variance_{{ name }})) / 2), 0))::double precision
            as {{ name }}_difference_after,
    {% endfor %}
    max(enrolled.indicator_code) as indicator_code
from enrolled
left join others using (site, programme)
group by enrolled.site, enrolled.programme
