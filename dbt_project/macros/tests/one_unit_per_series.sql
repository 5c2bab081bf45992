{#- A series is compared with itself: its unit never changes within a group. -#}
{% test one_unit_per_series(model, column_name, series) %}
select {{ series | join(', ') }}
from {{ model }}
group by {{ series | join(', ') }}
having count(distinct {{ column_name }}) > 1
{% endtest %}
