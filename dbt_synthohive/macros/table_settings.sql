{#-
    `config.meta.synthohive` of a source table, laid over that of its source; none if the table is not marked.
    dbt merges meta key by key, so a table's `synthohive` would hide the source's.
-#}
{% macro table_settings(node) %}
    {% set settings = {} %}
    {% set own = node.config.get('meta', {}).get('synthohive') or {} %}
    {% set above = (node.get('source_meta') or {}).get('synthohive') or {} %}
    {% do settings.update(above) %}
    {% do settings.update(own) %}
    {% do settings.pop('enabled', none) %}
    {% set enabled = own.get('enabled', above.get('enabled', false)) %}
    {{ return(settings if enabled or settings.get('passthrough') else none) }}
{% endmacro %}
