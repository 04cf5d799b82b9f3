{#- The twin of a relation: the same name, in the schema beside. -#}
{% macro twin_of(relation) %}
    {% set suffix = var('synthohive_suffix', '_synthetic') %}
    {#- Snowflake's names are in capitals, so that nobody has to quote them. -#}
    {% if target.type == 'snowflake' and relation.schema == relation.schema | upper %}
        {% set suffix = suffix | upper %}
    {% endif %}
    {{ return(relation.incorporate(path={'schema': relation.schema ~ suffix})) }}
{% endmacro %}
