{#- Show readers the marts of this run: all of them in one transaction, and only when every model and test of the run
    passed. A table moves with its policies, grants and indexes. Anything failed: yesterday's marts stay. -#}
{% macro publish(results) %}
    {%- set bad = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
    {%- set built = results | map(attribute='node') | selectattr('resource_type', 'eq', 'model')
        | selectattr('schema', 'in', ['marts_next', 'population_next']) | sort(attribute='name') | list -%}
    {%- if execute and built and not bad %}
    do $publish$
    begin
        {%- for node in built %}
        {%- set shown = node.schema | replace('_next', '') ~ '.' ~ node.alias %}
        drop table if exists {{ shown }};
        alter table {{ node.schema }}.{{ node.alias }} set schema {{ node.schema | replace('_next', '') }};
        {%- endfor %}
    end
    $publish$
    {%- endif %}
{% endmacro %}
