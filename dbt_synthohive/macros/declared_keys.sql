{#-
    The keys, ranges and rules of one marked source, from its settings, its constraints and its tests, in this order.
    The primary key is the first unique column set without nulls, single columns first; the rest stay unique.
-#}
{% macro declared_keys(source) %}
    {% set node, settings = source.node, source.settings %}
    {% set tests = synthohive.declared_tests(source.id) %}
    {% set constraints = synthohive.declared_constraints(node) %}
    {% set not_null = tests.not_null + constraints.not_null %}
    {% set ns = namespace(
        primary_key=synthohive.as_columns(settings.get('primary_key')) or constraints.primary_key
    ) %}
    {% set sets = tests.unique + constraints.unique %}
    {% if not ns.primary_key %}
        {% for column in node.columns if [column] in sets and column in not_null %}
            {% if not ns.primary_key %}
                {% set ns.primary_key = [column] %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% if not ns.primary_key %}
        {% for columns in sets if columns | reject('in', not_null) | list | length == 0 %}
            {% if not ns.primary_key %}
                {% set ns.primary_key = columns %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% set unique = [] %}
    {% set further = settings.get('unique') %}
    {% for columns in sets + (further | list if further is iterable else []) %}
        {% set is_set = columns is not string and synthohive.as_columns(columns) %}
        {% if is_set and columns | sort != ns.primary_key | sort and columns not in unique %}
            {% do unique.append(columns) %}
        {% endif %}
    {% endfor %}
    {{ return({
        'primary_key': ns.primary_key,
        'unique': unique,
        'not_null': not_null,
        'accepted_values': tests.accepted_values,
        'ranges': tests.ranges,
        'rules': tests.rules,
        'foreign_keys': synthohive.declared_foreign_keys(source, constraints.foreign_keys + tests.foreign_keys),
    }) }}
{% endmacro %}
