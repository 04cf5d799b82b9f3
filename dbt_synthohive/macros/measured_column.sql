{#- A `tested_column` that holds numbers, dates or times; an error for any other. -#}
{% macro measured_column(relation, name) %}
    {% set column = synthohive.tested_column(relation, name) %}
    {% set others = 'char|text|string|bool|json|uuid|enum|lob|byte|binary|variant|object|array|struct|map|user-def|\\[' %}
    {% if modules.re.search(others, column.kind) %}
        {% do exceptions.raise_compiler_error(
            "synthohive: " ~ model.name ~ " compares numbers, dates and times; " ~ relation ~ "." ~ column.name
            ~ " is " ~ column.kind ~ ". What to do: use tv_complement, or contingency_similarity for two columns."
        ) %}
    {% endif %}
    {{ return(column) }}
{% endmacro %}
