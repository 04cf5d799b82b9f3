{#-
    `config.meta.synthohive` of a source table, laid over that of its source; none if the table is not marked.
    dbt merges meta key by key, so a table's `synthohive` would hide the source's.
-#}
{% macro table_settings(node) %}
    {% set settings = {} %}
    {% set own = synthohive.own_settings(node.config.get('meta'), node.source_name ~ '.' ~ node.name) %}
    {% set above = synthohive.own_settings(node.get('source_meta'), node.source_name) %}
    {% do settings.update(above) %}
    {% do settings.update(own) %}
    {{ return(settings if settings.get('enabled') or settings.get('passthrough') else none) }}
{% endmacro %}
