{#- The foreign key of a marked source that has exactly one, or of these columns; an error for others. -#}
{% macro only_foreign_key(id, columns=none) %}
    {% set keys = [] %}
    {% set wanted = columns | map('trim', '"`') | map('lower') | list if columns else none %}
    {% for source in synthohive.marked_sources() if source.id == id %}
        {% for key in synthohive.declared_keys(source).foreign_keys %}
            {% if wanted is none or key.columns | map('lower') | list == wanted %}
                {% do keys.append(key) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% if keys | length != 1 %}
        {% do exceptions.raise_compiler_error(
            "synthohive.rules_hold: a rule is about the parent, but " ~ id ~ " declares " ~ keys | length ~ " foreign "
            ~ "keys" ~ (" of " ~ wanted | join(', ') if wanted else "") ~ ". What to do: name the key in the rule, as "
            ~ "in parent(customer_id).name, or in the test, with `to`, `columns` and `to_columns`."
        ) %}
    {% endif %}
    {{ return(keys[0]) }}
{% endmacro %}
