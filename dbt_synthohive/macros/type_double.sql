{#- The type of floats with 64 bits; `dbt.type_float()` has 32 in DuckDB. -#}
{% macro type_double() %}
    {{- return(adapter.dispatch('type_double', 'synthohive')()) -}}
{% endmacro %}

{% macro default__type_double() %}
    {{- return('double precision') -}}
{% endmacro %}

{% macro bigquery__type_double() %}
    {{- return('float64') -}}
{% endmacro %}

{% macro spark__type_double() %}
    {{- return('double') -}}
{% endmacro %}
