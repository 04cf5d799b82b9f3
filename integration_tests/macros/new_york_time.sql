{#- Clock time in New York of a timestamp in UTC. -#}
{% macro new_york_time(utc) %}
    {{- return(adapter.dispatch('new_york_time', 'flight_delays')(utc)) -}}
{% endmacro %}

{% macro default__new_york_time(utc) %}
    timezone('America/New_York', timezone('UTC', {{ utc }}))
{%- endmacro %}

{% macro spark__new_york_time(utc) %}
    from_utc_timestamp({{ utc }}, 'America/New_York')
{%- endmacro %}
