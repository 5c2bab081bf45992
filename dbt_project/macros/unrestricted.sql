{#- Leaves out the rows of persons whose processing is restricted (`wellhouse subject restrict`). -#}
{% macro unrestricted() -%}
    where person_key <> all ((select access.restricted())::bigint [])
{%- endmacro %}
