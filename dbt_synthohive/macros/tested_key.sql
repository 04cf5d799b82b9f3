{#-
    A foreign key of the test that runs, from a column with `field`, or `columns` with `to_columns`: `columns` and
    `parent_columns` as `count_orphans` takes them, and the relations `real_parent` and `twin_parent`.
-#}
{% macro tested_key(relation, column_name, field, columns, to_columns) %}
    {% set own = [column_name] if column_name else (columns or []) %}
    {% set theirs = [field] if field else (to_columns or []) %}
    {% set id = synthohive.tested_id('to') %}
    {% if not id or not own or own | length != theirs | length %}
        {% do exceptions.raise_compiler_error(
            "synthohive: the test " ~ model.name ~ " names no foreign key; expected `to: source(...)` or "
            ~ "`to: ref(...)`, with `field` on a column, or with `columns` and as many `to_columns` on a table"
        ) %}
    {% endif %}
    {% set parent = synthohive.stored_relation(id) %}
    {% set key = {
        'columns': [], 'parent_columns': [], 'real_parent': parent, 'twin_parent': synthohive.existing_twin(id)
    } %}
    {% for name in own %}
        {% do key.columns.append(synthohive.tested_column(relation, name).name) %}
        {% do key.parent_columns.append(synthohive.tested_column(parent, theirs[loop.index0]).name) %}
    {% endfor %}
    {{ return(key) }}
{% endmacro %}
