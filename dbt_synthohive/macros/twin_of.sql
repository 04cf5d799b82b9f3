{#- The twin of a relation: the same name, in the schema beside. -#}
{% macro twin_of(relation) %}
    {% set suffix = var('synthohive_suffix', '_synthetic') %}
    {{ return(relation.incorporate(path={'schema': relation.schema ~ suffix})) }}
{% endmacro %}
