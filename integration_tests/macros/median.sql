{#- The median of a column's values. -#}
{% macro median(column) %}
    {{- return(adapter.dispatch('median', 'flight_delays')(column)) -}}
{% endmacro %}

{% macro default__median(column) %}
    median({{ column }})
{%- endmacro %}

{% macro postgres__median(column) %}
    percentile_cont(0.5) within group (order by {{ column }})
{%- endmacro %}
