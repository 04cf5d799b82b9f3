{#- The relation of a source or model, by its unique id. -#}
{% macro stored_relation(id) %}
    {% set node = graph.sources.get(id) or graph.nodes.get(id) %}
    {% if not node or node.config.get('materialized') == 'ephemeral' %}
        {% do exceptions.raise_compiler_error(
            "synthohive: " ~ (id or "the test's subject") ~ " is no table; expected a source, or a model that is built "
            ~ "as a table or view, written as source(...) or ref(...)"
        ) %}
    {% endif %}
    {% set relation = api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.get('identifier') or node.get('alias') or node.name
    ) %}
    {{ return(synthohive.as_stored(relation, node.get('quoting')) if node.resource_type == 'source' else relation) }}
{% endmacro %}
