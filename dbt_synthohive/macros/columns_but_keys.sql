{#-
    The names of the real columns of `compared_sides` that are part of no key: what a row says, not which it is. Texts
    that no row of the twin has from a real one are left out, if others remain: what is made up anew, such as e-mails,
    would hide that all else is copied.
-#}
{% macro columns_but_keys(sides) %}
    {% set keys, names = [], [] %}
    {% for source in synthohive.marked_sources() if source.id == sides.id %}
        {% set declared = synthohive.declared_keys(source) %}
        {% do keys.extend(declared.primary_key + declared.unique | sum(start=[])) %}
        {% do keys.extend(declared.foreign_keys | map(attribute='columns') | sum(start=[])) %}
    {% endfor %}
    {% for column in adapter.get_columns_in_relation(sides.real) %}
        {% if column.name | lower not in keys | map('lower') | list %}
            {% do names.append(column.name) %}
        {% endif %}
    {% endfor %}
    {% if not names %}
        {% do exceptions.raise_compiler_error(
            "synthohive.no_copied_rows: " ~ sides.real ~ " has no columns but keys. What to do: name `columns`, or "
            ~ "take the test off the table."
        ) %}
    {% endif %}
    {% set told = names | reject('in', synthohive.texts_made_anew(sides, names)) | list %}
    {{ return(told or names) }}
{% endmacro %}
