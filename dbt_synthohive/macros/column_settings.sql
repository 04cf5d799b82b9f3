{#- `config.meta.synthohive` of a source's column; {} if it has none. -#}
{% macro column_settings(node, column_name) %}
    {% for name, column in (node.columns or {}).items() if name | lower == column_name | lower %}
        {% set meta = column.get('config', {}).get('meta') or column.get('meta') %}
        {{ return(synthohive.own_settings(meta, node.source_name ~ '.' ~ node.name ~ '.' ~ name)) }}
    {% endfor %}
    {{ return({}) }}
{% endmacro %}
