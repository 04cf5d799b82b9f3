{#-
    Foreign keys of one marked source, each once: `columns`, `parent` (a unique id, or none where no marked source is
    meant), `to` (as written), `parent_columns` and `orphans`, from the nearest place that says it.
-#}
{% macro declared_foreign_keys(source, elsewhere) %}
    {% set node, settings = source.node, source.settings %}
    {% set marked = synthohive.marked_sources() | map(attribute='id') | list %}
    {% set keys, seen = [], [] %}
    {% set declared = [] %}
    {% set entries = settings.get('foreign_keys') %}
    {#- What lacks a part is left to the engine, which refuses it with a message. -#}
    {% for key in (entries if entries is iterable else []) if key is mapping and key.get('parent') is string
        and synthohive.as_columns(key.get('columns')) and synthohive.as_columns(key.get('parent_columns')) %}
        {% set ns = namespace(parent=none) %}
        {% for other in synthohive.marked_sources() if other.node.name == key.parent.split('.')[-1] %}
            {% if '.' not in key.parent and other.node.source_name == node.source_name
                or key.parent == other.node.source_name ~ '.' ~ other.node.name %}
                {% set ns.parent = other.id %}
            {% endif %}
        {% endfor %}
        {% do declared.append({
            'columns': synthohive.as_columns(key.columns),
            'to': key.parent,
            'parent': ns.parent,
            'parent_columns': synthohive.as_columns(key.parent_columns),
            'settings': {'orphans': key.orphans} if key.get('orphans') else {},
        }) %}
    {% endfor %}
    {% for key in declared + elsewhere %}
        {% set label = [key.columns, key.parent or key.to, key.parent_columns] | string %}
        {% if label not in seen %}
            {% do seen.append(label) %}
            {% set column = synthohive.column_settings(node, key.columns[0]) if key.columns | length == 1 else {} %}
            {% do keys.append({
                'columns': key.columns,
                'to': key.to,
                'parent': key.parent if key.parent in marked else none,
                'parent_columns': key.parent_columns,
                'settings': key.settings,
                'orphans': key.settings.get('orphans')
                    or column.get('orphans') or settings.get('orphans') or 'drop',
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(keys) }}
{% endmacro %}
