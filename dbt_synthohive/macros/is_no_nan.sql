{#- The condition that a float is no NaN. Databases take NaN for equal to itself, but for BigQuery. -#}
{% macro is_no_nan(value) %}
    {{- return(adapter.dispatch('is_no_nan', 'synthohive')(value)) -}}
{% endmacro %}

{% macro default__is_no_nan(value) %}
    {{- return(value ~ " <> cast('NaN' as " ~ synthohive.type_double() ~ ")") -}}
{% endmacro %}

{% macro bigquery__is_no_nan(value) %}
    {{- return("not is_nan(" ~ value ~ ")") -}}
{% endmacro %}
