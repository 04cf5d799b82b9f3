{#-
    A query like that of `broken_by_rule`, for a condition on `parent.column`. The parent's columns get names of their
    own, so that those of the row need no prefix.
-#}
{% macro broken_with_parent(rule, sides, columns=none, to_columns=none) %}
    {%- set key = none if columns else synthohive.only_foreign_key(sides.id) -%}
    {%- set parent_id = synthohive.tested_id('to') if columns else key.parent -%}
    {%- set own = synthohive.key_of_parent(sides, columns) -%}
    {%- set real_parent = synthohive.stored_relation(parent_id) -%}
    {%- set texts, picked, on = [], [], [] -%}
    {%- for part in synthohive.parts_of_rule(rule) -%}
        {%- if part.parent -%}
            {%- do texts.append('synthohive_parent_' ~ loop.index) -%}
            {%- do picked.append(synthohive.tested_column(real_parent, part.parent).sql ~ ' as ' ~ texts[-1]) -%}
        {%- else -%}
            {%- do texts.append(part.text) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in to_columns or key.parent_columns -%}
        {%- do picked.append(synthohive.tested_column(real_parent, name).sql ~ ' as synthohive_key_' ~ loop.index) -%}
        {%- do on.append('children.' ~ own[loop.index0] ~ ' = parents.synthohive_key_' ~ loop.index) -%}
    {%- endfor %}
    select case when not ({{ texts | join }}) then 1 else 0 end as is_broken
    from (select * from {{ sides.twin_rows }}) as children
    left join (
        select {{ picked | join(', ') }}
        from {{ synthohive.existing_twin(parent_id) }}
    ) as parents
        on {{ on | join(' and ') }}
{% endmacro %}
