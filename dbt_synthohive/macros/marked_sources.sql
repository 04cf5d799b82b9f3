{#- The sources that take part, sorted; a relation that two sources name counts once. -#}
{% macro marked_sources() %}
    {% set marked, seen = [], [] %}
    {% for id in graph.sources | sort %}
        {% set node = graph.sources[id] %}
        {% set settings = synthohive.table_settings(node) %}
        {% set enabled = settings is not none and not settings.get('passthrough') %}
        {% if enabled and node.relation_name not in seen %}
            {% do seen.append(node.relation_name) %}
            {% do marked.append({
                'id': id,
                'node': node,
                'settings': settings,
                'relation': synthohive.as_stored(
                    api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier),
                    node.quoting
                ),
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(marked) }}
{% endmacro %}
