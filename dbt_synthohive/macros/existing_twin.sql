{#-
    The twin of a source or model, by its unique id; an error if it is not there. What is passed through is its own.
    `twin`, a relation or the text `schema.table`, says where it is, if not in the schema beside.
-#}
{% macro existing_twin(id, twin=none) %}
    {% set node = graph.sources.get(id) or graph.nodes.get(id) %}
    {% set relation = synthohive.stored_relation(id) %}
    {% if node.resource_type == 'source' and (synthohive.table_settings(node) or {}).get('passthrough') %}
        {{ return(relation) }}
    {% endif %}
    {% if not twin %}
        {% set twin = synthohive.twin_of(relation) %}
    {% elif twin is string %}
        {% set parts = twin.split('.') %}
        {% set twin = api.Relation.create(
            database=parts[-3] if parts | length > 2 else relation.database,
            schema=parts[-2] if parts | length > 1 else relation.schema,
            identifier=parts[-1]
        ) %}
    {% endif %}
    {% if twin.is_cte or not twin.schema %}
        {% do exceptions.raise_compiler_error(
            "synthohive: the twin " ~ twin.identifier ~ " of " ~ relation ~ " is no table. What to do: name a table as "
            ~ "`twin: schema.table`, or a model that is built as a table or view."
        ) %}
    {% endif %}
    {% if not adapter.get_relation(twin.database, twin.schema, twin.identifier) %}
        {% if node.resource_type == 'source' %}
            {% set remedy = "mark the source with config.meta.synthohive.enabled: true, and run "
                ~ "`dbt build --select package:synthohive`" %}
        {% else %}
            {% set remedy = "build the project in a target whose sources are the twins "
                ~ "(synthohive_synthetic_targets), and name its table with `twin: schema.table` in the test, if it is "
                ~ "not in the schema of this one with the suffix of the twins" %}
        {% endif %}
        {% do exceptions.raise_compiler_error(
            "synthohive: " ~ node.resource_type ~ " " ~ id.split('.')[2:] | join('.') ~ " has no twin " ~ twin
            ~ " to compare with. What to do: " ~ remedy ~ "."
        ) %}
    {% endif %}
    {{ return(twin) }}
{% endmacro %}
