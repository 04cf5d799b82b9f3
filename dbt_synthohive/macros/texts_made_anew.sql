{#- Of these columns of `compared_sides` the texts of which both sides have no value in common. -#}
{% macro texts_made_anew(sides, names) %}
    {% set queries, texts, shared = [], [], [] %}
    {% for column in adapter.get_columns_in_relation(sides.real) if column.name in names and column.is_string() %}
        {% set name = adapter.quote(column.name) %}
        {% set query %}
select {{ loop.index0 }} as place
from (
    select 1 as is_shared
    from {{ sides.real_rows }}
    where {{ name }} in (select {{ name }} from {{ sides.twin_rows }})
    limit 1
) as shared_{{ loop.index0 }}
        {% endset %}
        {% do texts.append(column.name) %}
        {% do queries.append(query) %}
    {% endfor %}
    {% if queries %}
        {% for row in run_query(queries | join('\nunion all\n')) %}
            {% do shared.append(texts[row[0] | int]) %}
        {% endfor %}
    {% endif %}
    {{ return(texts | reject('in', shared) | list) }}
{% endmacro %}
