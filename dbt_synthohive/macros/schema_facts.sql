{#- All rows of `synthohive_schema`; nothing while dbt parses. -#}
{% macro schema_facts() %}
    {% set facts = [] %}
    {% if not execute %}
        {{ return(facts) }}
    {% endif %}
    {% for source in synthohive.marked_sources() %}
        {% set node, relation = source.node, source.relation %}
        {% set twin = synthohive.twin_of(relation) %}
        {% set start = [node.source_name, node.name] %}
        {% set found = adapter.get_relation(relation.database, relation.schema, relation.identifier) %}
        {% set existing = synthohive.described_columns(relation) if found else [] %}
        {% set lower_names = existing | map(attribute='name') | map('lower') | list %}
        {% set unknown = [] %}
        {% for name in node.columns or {} if found and name | lower not in lower_names %}
            {% if synthohive.column_settings(node, name) %}
                {% do unknown.append(name) %}
            {% endif %}
        {% endfor %}
        {% do facts.append(['table'] + start + [source.id, tojson({
            'database': relation.database,
            'schema': relation.schema,
            'identifier': relation.identifier,
            'twin_schema': twin.schema,
            'exists': found is not none,
            'unknown_columns': unknown,
            'settings': source.settings,
        })]) %}
        {% for column in existing %}
            {% do facts.append(['column'] + start + [column.name, tojson({
                'position': loop.index,
                'type': column.type,
                'settings': synthohive.column_settings(node, column.name),
            })]) %}
        {% endfor %}
        {% set keys = synthohive.declared_keys(source) %}
        {% if keys.primary_key %}
            {% do facts.append(
                ['primary_key'] + start + [keys.primary_key | join(', '), tojson({'columns': keys.primary_key})]
            ) %}
        {% endif %}
        {% for columns in keys.unique %}
            {% do facts.append(['unique'] + start + [columns | join(', '), tojson({'columns': columns})]) %}
        {% endfor %}
        {% for column, values in keys.accepted_values.items() %}
            {% do facts.append(['accepted_values'] + start + [column, tojson({'values': values})]) %}
        {% endfor %}
        {% for column, ends in keys.ranges.items() %}
            {% do facts.append(['range'] + start + [column, tojson({'min': ends[0], 'max': ends[1]})]) %}
        {% endfor %}
        {% for rule in keys.rules %}
            {% do facts.append(['rule'] + start + [rule, tojson({})]) %}
        {% endfor %}
        {% for key in keys.foreign_keys %}
            {% do facts.append(['foreign_key'] + start + [key.columns | join(', '), tojson(key)]) %}
        {% endfor %}
    {% endfor %}
    {{ return(facts) }}
{% endmacro %}
