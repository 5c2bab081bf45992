{#- Who may read the rows of this table: deny by default, for its owner too. Runs in the transaction that makes the
    table, so that it never exists without its policies. meta.row_policy says which rule:
      site       rows of the sites a reader is cleared for now (access.my_sites asks session_user, which SQL cannot change),
                 of persons whose processing is not restricted. The sites come with a word that is none (landing refuses one that long):
                 PostgreSQL packs an array of less than 127 bytes and would unpack it for every row, which took two thirds of the
                 time that the policies took
      open       reference rows, no person in them
      aggregate  suppressed aggregates: every site's, for those who compare sites -#}
{% macro row_security() %}
    {%- set rules = {
        'site': ['wh_analyst, wh_health_manager', "site = any((select access.my_sites() || repeat(' ', 128))::text[])"],
        'open': ['wh_analyst, wh_health_manager', 'true'],
        'aggregate': ['wh_management, wh_analyst', 'true'],
    } -%}
    {%- set readers, rule = rules[model.config.meta.row_policy] -%}
    {%- if 'person_key' in model.columns and model.config.meta.row_policy == 'site' -%}
        {%- set rule = rule ~ ' and ((select cardinality(access.restricted()) = 0)'
            ~ ' or person_key <> all ((select access.restricted())::bigint[]))' -%}
    {%- endif -%}
    alter table {{ this }} enable row level security;
    alter table {{ this }} force row level security;
    create policy builder on {{ this }} to wh_transform using (true) with check (true);
    create policy reader on {{ this }} for select to {{ readers }} using ({{ rule }});
    grant select on {{ this }} to {{ readers }};
    {%- if this.schema == 'marts_next' %}
    create policy model on {{ this }} for select to wh_model using (true);
    grant select on {{ this }} to wh_model;
    {%- endif %}
{% endmacro %}
