{#- A query: how many rows of `child` have a complete key that no row of `parent` has. -#}
{% macro count_orphans(child, parent, key) %}
    select count(*) as orphans
    from {{ child }} as child
    where
        not exists (
            select 1
            from {{ parent }} as parent
            where
                {%- for column in key.columns %}
                child.{{ synthohive.quoted_column(column) }} = parent.{{ synthohive.quoted_column(key.parent_columns[loop.index0]) }}
                {{- ' and' if not loop.last }}
                {%- endfor %}
        )
        {%- for column in key.columns %}
        and child.{{ synthohive.quoted_column(column) }} is not null
        {%- endfor %}
{% endmacro %}
