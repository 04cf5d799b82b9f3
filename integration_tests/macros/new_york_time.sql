{#- Clock time in New York of a timestamp in UTC. -#}
{% macro new_york_time(utc) %}
    timezone('America/New_York', timezone('UTC', {{ utc }}))
{%- endmacro %}
