{#-
    A source's relation, named as the database has it. On Snowflake a name without quotes means one in capitals.
    `quoting` is the source's own.
-#}
{% macro as_stored(relation, quoting) %}
    {{ return(adapter.dispatch('as_stored', 'synthohive')(relation, quoting or {})) }}
{% endmacro %}

{% macro default__as_stored(relation, quoting) %}
    {{ return(relation) }}
{% endmacro %}

{% macro snowflake__as_stored(relation, quoting) %}
    {% set path = {} %}
    {% for part in ['database', 'schema', 'identifier'] %}
        {% set name = relation[part] %}
        {% set is_plain = modules.re.match('^[A-Za-z_][A-Za-z0-9_$]*$', name) and not quoting.get(part) %}
        {% do path.update({part: name | upper if is_plain else name}) %}
    {% endfor %}
    {{ return(relation.incorporate(path=path).quote(database=true, schema=true, identifier=true)) }}
{% endmacro %}
