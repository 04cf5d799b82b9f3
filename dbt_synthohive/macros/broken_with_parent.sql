{#-
    A query like that of `broken_by_rule`, for a condition on `parent.column` or `parent(key).column`. The parent's
    columns get names of their own, so that those of the row need no prefix.
-#}
{% macro broken_with_parent(rule, sides, columns=none, to_columns=none) %}
    {%- set parts = synthohive.parts_of_rule(rule) -%}
    {%- set named = (parts | selectattr('parent') | first).key -%}
    {%- set key = none if columns and not named else synthohive.only_foreign_key(sides.id, named) -%}
    {%- set parent_id = key.parent if key else synthohive.tested_id('to') -%}
    {%- set own = synthohive.key_of_parent(sides, key.columns if key else columns) -%}
    {%- set real_parent = synthohive.stored_relation(parent_id) -%}
    {%- set texts, picked, on = [], [], [] -%}
    {%- for part in parts -%}
        {%- if part.parent -%}
            {%- do texts.append('synthohive_parent_' ~ loop.index) -%}
            {%- do picked.append(synthohive.tested_column(real_parent, part.parent).sql ~ ' as ' ~ texts[-1]) -%}
        {%- else -%}
            {%- do texts.append(part.text) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in (key.parent_columns if key else to_columns) -%}
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
