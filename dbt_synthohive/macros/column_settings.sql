{#- `config.meta.synthohive` of a source's column; {} if it has none. -#}
{% macro column_settings(node, column_name) %}
    {% for name, column in (node.columns or {}).items() if name | lower == column_name | lower %}
        {{ return((column.get('config', {}).get('meta') or column.get('meta') or {}).get('synthohive') or {}) }}
    {% endfor %}
    {{ return({}) }}
{% endmacro %}
