-- Adults of a site and year with an indicator judged, and of how many it was outside the reference range.
{% call carry('site_year') %}
{{ people_and_events(ref('int_population__interpreted'), touched('site_year')) }}
{% endcall %}
