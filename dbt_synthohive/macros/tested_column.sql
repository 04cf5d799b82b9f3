{#-
    A column of a relation, whatever its case and quotes in YAML: `name`, `sql` for its name in SQL, `has_value` for the
    condition that it is neither null nor NaN, `kind` for its type in lower case, `number` for its value as a number that orders and correlates alike.
-#}
{% macro tested_column(relation, name) %}
    {% set bare = (name | string).strip('"`') %}
    {% set ns = namespace(found=none) %}
    {% set columns = adapter.get_columns_in_relation(relation) %}
    {% for column in columns %}
        {% if column.name == bare or (not ns.found and column.name | lower == bare | lower) %}
            {% set ns.found = column %}
        {% endif %}
    {% endfor %}
    {% if not ns.found %}
        {% do exceptions.raise_compiler_error(
            "synthohive: " ~ relation ~ " has no column " ~ bare ~ "; it has "
            ~ columns | map(attribute='name') | join(', ')
        ) %}
    {% endif %}
    {% set sql = adapter.quote(ns.found.name) %}
    {{ return({
        'name': ns.found.name,
        'sql': sql,
        'has_value': sql ~ ' is not null' ~ (' and ' ~ synthohive.is_no_nan(sql) if ns.found.is_float() else ''),
        'kind': ns.found.dtype | lower,
        'number': synthohive.as_number(sql, ns.found.dtype | lower),
    }) }}
{% endmacro %}
