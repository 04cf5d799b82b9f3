{#-
    What the data tests on one source say of it: unique column sets, columns without nulls, accepted values,
    ranges, rules and foreign keys. A test with `where` speaks of some rows only; a unique test that merely warns promises nothing.
-#}
{% macro declared_tests(id) %}
    {% set found = {'unique': [], 'not_null': [], 'accepted_values': {}, 'ranges': {}, 'rules': [], 'foreign_keys': []} %}
    {% for test_id in graph.nodes | sort if graph.nodes[test_id].resource_type == 'test' and graph.nodes[test_id].test_metadata %}
        {% set test = graph.nodes[test_id] %}
        {% set arguments, ids = test.test_metadata.kwargs, test.depends_on.nodes %}
        {% set name = test.test_metadata.name %}
        {% set tested = arguments.get('column_name') %}
        {% set column = synthohive.bare_name(tested) if tested else none %}
        {% if id in ids and synthohive.resolve_endpoint(arguments.get('model'), ids) == id %}
            {% set settings = synthohive.own_settings(test.config.get('meta'), 'test ' ~ test.name) %}
            {% set is_fact = not test.config.get('where') and (test.config.severity | lower) != 'warn' %}
            {% if name == 'relationships' and not settings.get('ignore') %}
                {% do found.foreign_keys.append({
                    'columns': [column], 'to': arguments.to,
                    'parent': synthohive.resolve_endpoint(arguments.to, ids),
                    'parent_columns': [synthohive.bare_name(arguments.field)], 'settings': settings,
                }) %}
            {% elif name == 'relationships_composite' and not settings.get('ignore') %}
                {% do found.foreign_keys.append({
                    'columns': synthohive.bare_names(arguments.columns), 'to': arguments.to,
                    'parent': synthohive.resolve_endpoint(arguments.to, ids),
                    'parent_columns': synthohive.bare_names(arguments.to_columns), 'settings': settings,
                }) %}
            {% elif name == 'unique' and column and is_fact %}
                {% do found.unique.append([column]) %}
            {% elif name in ('unique_combination', 'unique_combination_of_columns') and is_fact %}
                {% set columns = arguments.get('columns') or arguments.get('combination_of_columns') %}
                {% do found.unique.append(synthohive.bare_names(columns)) %}
            {% elif name == 'not_null' and column and is_fact %}
                {% do found.not_null.append(column) %}
            {% elif name == 'accepted_values' and column and is_fact and not settings.get('ignore') %}
                {% do found.accepted_values.update({column: arguments['values']}) %}
            {% elif name == 'accepted_range' and column and is_fact and not settings.get('ignore') %}
                {% if arguments.get('inclusive', true) %}
                    {% do found.ranges.update({column: [arguments.get('min_value'), arguments.get('max_value')]}) %}
                {% endif %}
            {% elif name == 'expression_is_true' and is_fact and not settings.get('ignore') %}
                {% do found.rules.append(((tested ~ ' ') if tested else '') ~ arguments.expression) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
