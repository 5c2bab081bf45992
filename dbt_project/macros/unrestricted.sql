{#- Leaves out the rows of persons whose processing is restricted (`wellhouse subject restrict`). A row of nobody, as unit tests
    may give, is not restricted. -#}
{% macro unrestricted() -%}
    where coalesce(person_key, 0) <> all ((select access.restricted())::bigint [])
{%- endmacro %}
