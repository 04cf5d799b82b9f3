{#- The rules of a marked source, by its unique id, from its settings and its tests; an error if there are none. -#}
{% macro declared_rules(id) %}
    {% set rules = [] %}
    {% for source in synthohive.marked_sources() if source.id == id %}
        {% do rules.extend(source.settings.get('rules') or []) %}
        {% do rules.extend(synthohive.declared_keys(source).rules) %}
    {% endfor %}
    {% if not rules %}
        {% do exceptions.raise_compiler_error(
            "synthohive.rules_hold: " ~ id ~ " declares no rules. What to do: name them in the test's `rules`, or "
            ~ "under config.meta.synthohive.rules of the source."
        ) %}
    {% endif %}
    {{ return(rules) }}
{% endmacro %}
