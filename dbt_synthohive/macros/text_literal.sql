{#- A text as SQL has it, whatever is in it. Some databases take a backslash for the start of something else. -#}
{% macro text_literal(text) %}
    {{- return(adapter.dispatch('text_literal', 'synthohive')(text)) -}}
{% endmacro %}

{% macro default__text_literal(text) %}
    {{- return(dbt.string_literal(dbt.escape_single_quotes(text))) -}}
{% endmacro %}

{% macro bigquery__text_literal(text) %}
    {%- set escaped = text | replace('\\', '\\\\') | replace("'", "\\'") | replace('\n', '\\n') -%}
    {{- return("'" ~ escaped ~ "'") -}}
{% endmacro %}

{% macro snowflake__text_literal(text) %}
    {{- return(synthohive.bigquery__text_literal(text)) -}}
{% endmacro %}

{% macro spark__text_literal(text) %}
    {{- return(synthohive.bigquery__text_literal(text)) -}}
{% endmacro %}
