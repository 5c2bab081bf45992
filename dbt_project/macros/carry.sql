{#- A carried table keeps the rows of those of whom nothing new has landed since the last complete build; the others' go and come
    anew. `wellhouse dbt build` looks who they are (src/wellhouse/increment.py) and sets the variable `carry`. A query in a
    `call carry(key)` asks `touched(key)` of what it reads; an index finds a person's and an exam's rows. The key is one of
      person_key, exam_key   whose rows are kept where nothing happened to them
      site_year              what is said of all people of a site's year is kept where none of their exams changed
      complete_years         all is kept or nothing: whether an exam of a year that is complete changed, or another year is
    What no reader sees changes in place; of a mart the new rows are made and tested out of sight and take the place of the old
    ones when everything is shown (publish.sql). -#}
{% macro carries() -%}
    {{ 'yes' if var('carry', false) is true and model.resource_type != 'unit_test' }}
{%- endmacro %}

{#- shown: it is a mart. also: columns of further rows that a query makes anew; the rows that have them go, too. sought: what others
    find rows by, beside the key -#}
{% macro carry(key, shown=false, also=none, sought=none) -%}
    {%- if shown -%}
        {{ config(meta={'carried': key, 'also': also}) }}
    {%- else -%}
        {{ config(
            meta={'carried': key}, materialized='incremental', incremental_strategy='append',
            full_refresh=not carries(), pre_hook='{{ forget() }}',
            indexes=([{'columns': [key]}] if key in ('person_key', 'exam_key') else []) + ([{'columns': sought}] if sought else []),
        ) }}
    {%- endif -%}
    {{ caller() }}
{%- endmacro %}

{% macro touched(column) -%}
    {%- set key = column.split('.') | last -%}
    {%- if carries() -%}
    {{ of_touched(key, column | replace(key, '')) }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- The rows of the touched, and those of an indicator, sex and age band whose people are compared with another population than they
    were. Beside each other and not by an `or`: where no population is another one, as on most days, nothing is read for it, and the
    planner knows. -#}
{% macro touched_or_of_another_population(series, populations) -%}
    select * from {{ series }}
    where {{ touched('person_key') }}
    {%- set others %}
            select indicator_code, sex, age_band
            from {{ populations }} as now
            full join intermediate.built_population as before using (indicator_code, sex, age_band)
            where now.fingerprint is distinct from before.fingerprint
    {%- endset %}
    {%- if carries() and execute and run_query(others).rows %}
    union all
    select * from {{ series }}
    where (indicator_code, sex, age_band) in ({{ others }}) and not {{ touched('person_key') }}
    {%- endif -%}
{%- endmacro %}

{#- Rows of the persons of a cte `series`, who are few in an increment: else the planner sorts everybody's. -#}
{% macro of_series(rows) -%}
    select * from {{ rows }} where {{ 'person_key in (select person_key from series)' if carries() else 'true' }}
{%- endmacro %}

{#- Of landed results: a load's rows lie together, so that BRIN finds them. The loads are asked for while the query is written: the planner
    must know whether they are a few of many. Of very many each would be looked for; then all are read once. -#}
{% macro in_touched_loads() -%}
    {%- if carries() and execute -%}
        {%- set loads = run_query('select load_id from intermediate.touched_load').columns[0].values() -%}
    {{ 'true' if loads | length > 1000 else 'load_id in (' ~ (loads | join(', ') or 'null') ~ ')' }}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#- A condition that holds for the rows of the touched. -#}
{% macro of_touched(key, of='') -%}
    {%- if key == 'complete_years' -%}
    {%- set closed_on = '(select closed_on from intermediate.int_exam__closed)' -%}
    (
        {{ closed_on }} is distinct from (select closed_on from intermediate.built_closed)
        or exists (select from intermediate.touched_site_year where exam_year < extract(year from {{ closed_on }}))
    )
    {%- else -%}
    {%- set columns = ['site', 'exam_year'] if key == 'site_year' else [key] -%}
    ({{ of }}{{ columns | join(', ' ~ of) }}) in (
        select {{ columns | join(', ') }} from intermediate.touched_{{ key | replace('_key', '') }}
    )
    {%- endif -%}
{%- endmacro %}

{#- The rows of the touched, before they come anew. -#}
{% macro forget() -%}
    {%- if carries() -%}
    delete from {{ this }} where {{ of_touched(model.config.meta.carried) }}
    {%- endif -%}
{%- endmacro %}

{#- What the planner goes by when tables are joined that were made a second ago; of a table that keeps its rows what was counted
    before holds. Without it a join of a series with percentiles once took the square of a population. -#}
{% macro analysed() -%}
    {%- if model.config.materialized != 'view' and not (carries() and model.config.meta.get('carried')) -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}

{#- A carried table was tested when its rows came: looked at are those that came now. -#}
{% macro get_where_subquery(relation) -%}
    {%- if execute and carries() and not relation.schema.endswith('_next') -%}
        {%- set tested = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
            | selectattr('name', 'equalto', relation.identifier) | first -%}
        {%- set key = tested.config.meta.get('carried') if tested else none -%}
        {%- if key -%}
            {{ return('(select * from ' ~ relation ~ ' where ' ~ of_touched(key) ~ ') as touched_rows') }}
        {%- endif -%}
    {%- endif -%}
    {{ return(dbt.default__get_where_subquery(relation)) }}
{%- endmacro %}
