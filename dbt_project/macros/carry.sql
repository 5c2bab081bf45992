{#- Rows of those of whom nothing new has landed are taken over as the last complete build left them, the others are computed:
    `wellhouse dbt build` looks who they are (src/wellhouse/increment.py) and sets the variable `carry`. A query in a
    `call carry(key)` asks `touched(key)` of what it reads. -#}
{% macro carries() -%}
    {{ return(var('carry', false) is true and model.resource_type != 'unit_test') }}
{%- endmacro %}

{% macro carry(key) -%}
    {%- if var('carry', false) is true and carries() %}
    select * from {{ this.schema | replace('_next', '') }}.{{ this.identifier }}
    where {{ key }} not in (select {{ key }} from intermediate.touched_{{ key | replace('_key', '') }})
    union all
    (
    {{ caller() }}
    )
    {%- else -%}
    {{ caller() }}
    {%- endif %}
{%- endmacro %}

{% macro touched(column) -%}
    {%- set key = column.split('.') | last -%}
    {%- if var('carry', false) is true and carries() -%}
    {{ column }} in (select {{ key }} from intermediate.touched_{{ key | replace('_key', '') }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
