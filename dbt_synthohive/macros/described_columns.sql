{#- The columns of a table, in order, each with `name` and `type`, exactly as the database declares them. -#}
{% macro described_columns(relation) %}
    {{ return(adapter.dispatch('described_columns', 'synthohive')(relation)) }}
{% endmacro %}

{% macro default__described_columns(relation) %}
    {% set columns = [] %}
    {% for column in adapter.get_columns_in_relation(relation) %}
        {% do columns.append({'name': column.name, 'type': column.dtype}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{#- information_schema says no more than ARRAY or USER-DEFINED of some types. -#}
{% macro postgres__described_columns(relation) %}
    {% set query %}
select
    a.attname as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on a.attrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    n.nspname = {{ dbt.string_literal(dbt.escape_single_quotes(relation.schema)) }}
    and c.relname = {{ dbt.string_literal(dbt.escape_single_quotes(relation.identifier)) }}
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum
    {% endset %}
    {% set columns = [] %}
    {% for row in run_query(query) %}
        {% do columns.append({'name': row[0], 'type': row[1]}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
