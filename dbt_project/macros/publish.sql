{#- Show readers the marts of this run: all of them in one transaction, and only when every model and test of the run
    passed. A table moves with its policies, grants and indexes; the new rows of a carried one (carry.sql) take the place of the
    old. Anything failed: yesterday's marts stay. So they do when the server crashed meanwhile, which empties unlogged tables: what was
    made of them afterwards is well-formed and wrong. -#}
{% macro publish(results) %}
    {%- set bad = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
    {%- set built = results | map(attribute='node') | selectattr('resource_type', 'eq', 'model')
        | selectattr('schema', 'in', ['marts_next', 'population_next']) | sort(attribute='name') | list -%}
    {%- if execute and built and not bad %}
    do $publish$
    begin
        {%- if var('begun', '') %}
        if not exists (select from intermediate.begun where selector = '{{ var('begun') }}') then
            raise exception 'PostgreSQL crashed or somebody was erased while marts were built: build again';
        end if;
        {%- endif %}
        {%- for node in built %}
        {%- set made = node.schema ~ '.' ~ node.alias %}
        {%- set shown = made | replace('_next', '') %}
        {%- set key = node.config.meta.get('carried') if var('carry', false) is true %}
        {%- if key %}
        delete from {{ shown }} where {{ of_touched(key) }};
        {%- set also = node.config.meta.get('also') %}
        {%- if also %}
        delete from {{ shown }} as shown using {{ made }} as made
        where (shown.{{ also | join(', shown.') }}) = (made.{{ also | join(', made.') }}) and not {{ of_touched(key, 'made.') }};
        {%- endif %}
        insert into {{ shown }} select * from {{ made }};
        drop table {{ made }};
        {%- else %}
        drop table if exists {{ shown }};
        alter table {{ made }} set schema {{ node.schema | replace('_next', '') }};
        {%- endif %}
        {%- endfor %}
    end
    $publish$
    {%- endif %}
{% endmacro %}
