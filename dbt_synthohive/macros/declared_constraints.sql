{#-
    What the constraints on a source's columns say, in the form of `declared_tests`. Several columns that each are
    `primary_key` are one key together. Tables of sources have no constraints of their own in dbt.
-#}
{% macro declared_constraints(node) %}
    {% set found = {'primary_key': [], 'unique': [], 'not_null': [], 'foreign_keys': []} %}
    {% for name, column in (node.columns or {}).items() %}
        {% for constraint in column.get('constraints') or [] %}
            {% set kind = constraint.type | string %}
            {% if kind == 'primary_key' %}
                {% do found.primary_key.append(name) %}
            {% elif kind == 'unique' %}
                {% do found.unique.append([name]) %}
            {% elif kind == 'not_null' %}
                {% do found.not_null.append(name) %}
            {% elif kind == 'foreign_key' %}
                {#- dbt leaves `to` as it is written, and lists no dependency for it. -#}
                {% set to = constraint.get('to') or constraint.get('expression') or '' %}
                {% do found.foreign_keys.append({
                    'columns': [name], 'to': to, 'parent': synthohive.resolve_endpoint(to, graph.sources | sort),
                    'parent_columns': constraint.get('to_columns') or [], 'settings': {},
                }) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
