{#- How an employer is called that nobody gave a name for reports: the end of its key, as `wellhouse employer` prints it. -#}
{% macro employer_code(key) -%}
    '#' || right(to_hex({{ key }}), 8)
{%- endmacro %}
