{#- A column as SQL has it. Snowflake keeps names in capitals, but for those that were quoted when they were made. -#}
{% macro quoted_column(name) %}
    {{- return(adapter.dispatch('quoted_column', 'synthohive')(name)) -}}
{% endmacro %}

{% macro default__quoted_column(name) %}
    {{- return(adapter.quote(name)) -}}
{% endmacro %}

{% macro snowflake__quoted_column(name) %}
    {%- set is_plain = modules.re.match('^([A-Za-z_][A-Za-z0-9_$]*|".*")$', name) -%}
    {{- return(name if is_plain else adapter.quote(name)) -}}
{% endmacro %}
