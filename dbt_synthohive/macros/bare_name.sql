{#- A column's name without quotes: dbt hands on those of columns with `quote: true` as they stand in SQL. -#}
{% macro bare_name(name) %}
    {%- set text = name | string -%}
    {%- set is_quoted = text | length > 2 and text[0] == text[-1] and text[0] in ['"', '`'] -%}
    {{- return(text[1:-1] if is_quoted else name) -}}
{% endmacro %}

{% macro bare_names(names) %}
    {%- set found = [] -%}
    {%- for name in names or [] -%}
        {%- do found.append(synthohive.bare_name(name)) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}
