{#- A query: for each parent, as `x`, how many rows of `child_rows` have its key; 0 for those without any. -#}
{% macro children_per_parent(child_rows, parent, key) %}
    {%- set own = [] -%}
    {%- for column in key.columns -%}
        {%- do own.append(adapter.quote(column)) -%}
    {%- endfor %}
    select coalesce(families.children, 0) as x
    from {{ parent }} as parents
    left join (
        select {{ own | join(', ') }}, count(*) as children
        from {{ child_rows }}
        group by {{ own | join(', ') }}
    ) as families
        on {% for column in key.parent_columns -%}
        parents.{{ adapter.quote(column) }} = families.{{ own[loop.index0] }}
        {{- ' and ' if not loop.last }}
        {%- endfor %}
{% endmacro %}
