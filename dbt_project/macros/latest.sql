{#- The last known `value` of the rows of a group where `condition` holds; null: never known. -#}
{% macro latest(value, condition, on) -%}
    (array_agg({{ value }} order by {{ on }} desc, {{ value }} desc) filter (where {{ condition }}))[1]
{%- endmacro %}
