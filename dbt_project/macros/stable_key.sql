{#- A key made of what names the row, so that the next build gives the same row the same key. 63 bits. -#}
{% macro stable_key(columns) -%}
    (('x' || left(md5(concat_ws('|', {{ columns | join(', ') }})), 16))::bit(64)::bigint & 9223372036854775807)
{%- endmacro %}
