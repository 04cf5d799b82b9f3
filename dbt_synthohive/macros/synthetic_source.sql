{#-
    The source, or its twin in targets that are synthetic. Call it from a macro `source` of your project.
    A source without a twin is an error there: falling back would let real data in unnoticed.
-#}
{% macro synthetic_source(source_name, table_name) %}
    {% set relation = builtins.source(source_name, table_name) %}
    {#- Nothing is known while dbt parses; and in unit tests a source is a CTE, which has no schema. -#}
    {% if not execute or not synthohive.use_synthetic() or relation.is_cte or not relation.schema %}
        {{ return(relation) }}
    {% endif %}
    {% set ns = namespace(settings=none) %}
    {% for node in graph.sources.values() if node.source_name == source_name and node.name == table_name %}
        {% set ns.settings = synthohive.table_settings(node) %}
    {% endfor %}
    {% if ns.settings and ns.settings.get('passthrough') %}
        {{ return(relation) }}
    {% endif %}
    {% set twin = synthohive.twin_of(relation) %}
    {% if not adapter.get_relation(twin.database, twin.schema, twin.identifier) %}
        {% if not ns.settings %}
            {% set first = "mark the source with config.meta.synthohive.enabled: true, and " %}
        {% elif ns.settings.get('mode') == 'skip' %}
            {% set first = "take `mode: skip` off the table, and " %}
        {% endif %}
        {% do exceptions.raise_compiler_error(
            "synthohive: source " ~ source_name ~ "." ~ table_name ~ " has no twin " ~ twin ~ ". What to do: "
            ~ (first or "") ~ "run `dbt build --select package:synthohive` in a target with the real data, which is "
            ~ "none of " ~ (var('synthohive_synthetic_targets', []) | join(', ')) ~ "; or, if its real rows may be "
            ~ "used here, set config.meta.synthohive.passthrough: true on the table."
        ) %}
    {% endif %}
    {{ return(twin) }}
{% endmacro %}
