{#- A number, date or time as a float; of dates and times the seconds since 1970. `kind` is the type in lower case. -#}
{% macro as_number(value, kind) %}
    {%- if modules.re.match('date|time', kind) -%}
        {%- set value = adapter.dispatch('seconds_of', 'synthohive')(value) -%}
    {%- endif -%}
    {{- return('cast(' ~ value ~ ' as ' ~ synthohive.type_double() ~ ')') -}}
{% endmacro %}

{% macro default__seconds_of(value) %}
    {{- return('extract(epoch from ' ~ value ~ ')') -}}
{% endmacro %}

{% macro snowflake__seconds_of(value) %}
    {{- return('date_part(epoch_microsecond, cast(' ~ value ~ ' as timestamp_ntz)) / 1e6') -}}
{% endmacro %}

{% macro bigquery__seconds_of(value) %}
    {{- return('unix_micros(cast(' ~ value ~ ' as timestamp)) / 1e6') -}}
{% endmacro %}

{% macro spark__seconds_of(value) %}
    {{- return('cast(' ~ value ~ ' as timestamp)') -}}
{% endmacro %}
