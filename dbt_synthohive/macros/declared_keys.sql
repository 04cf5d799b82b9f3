{#-
    The keys of one marked source, from its settings, its constraints and its tests, in this order.
    The primary key is the first unique column set without nulls, single columns first; the rest stay unique.
-#}
{% macro declared_keys(source) %}
    {% set node, settings = source.node, source.settings %}
    {% set tests = synthohive.declared_tests(source.id) %}
    {% set ns = namespace(primary_key=settings.get('primary_key') or []) %}
    {% if ns.primary_key is string %}
        {% set ns.primary_key = [ns.primary_key] %}
    {% endif %}
    {% if not ns.primary_key %}
        {% for column in node.columns if [column] in tests.unique and column in tests.not_null %}
            {% if not ns.primary_key %}
                {% set ns.primary_key = [column] %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% if not ns.primary_key %}
        {% for columns in tests.unique if columns | reject('in', tests.not_null) | list | length == 0 %}
            {% if not ns.primary_key %}
                {% set ns.primary_key = columns %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% set unique = [] %}
    {% for columns in tests.unique + (settings.get('unique') or []) %}
        {% if columns | sort != ns.primary_key | sort and columns not in unique %}
            {% do unique.append(columns) %}
        {% endif %}
    {% endfor %}
    {{ return({
        'primary_key': ns.primary_key,
        'unique': unique,
        'not_null': tests.not_null,
        'accepted_values': tests.accepted_values,
        'foreign_keys': synthohive.declared_foreign_keys(source, tests.foreign_keys),
    }) }}
{% endmacro %}
