{#- The foreign key of a marked source that has exactly one; an error for others. -#}
{% macro only_foreign_key(id) %}
    {% set keys = [] %}
    {% for source in synthohive.marked_sources() if source.id == id %}
        {% do keys.extend(synthohive.declared_keys(source).foreign_keys) %}
    {% endfor %}
    {% if keys | length != 1 %}
        {% do exceptions.raise_compiler_error(
            "synthohive.rules_hold: a rule is about the parent, but " ~ id ~ " declares " ~ keys | length ~ " foreign "
            ~ "keys. What to do: name the key in the test, with `to`, `columns` and `to_columns`."
        ) %}
    {% endif %}
    {{ return(keys[0]) }}
{% endmacro %}
