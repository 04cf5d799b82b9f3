{#-
    A query like that of `broken_by_rule`, for a condition on `parent.column`. The parent's columns get names of their
    own, so that those of the row need no prefix.
-#}
{% macro broken_with_parent(rule, sides, columns=none, to_columns=none) %}
    {%- set key = none if columns else synthohive.only_foreign_key(sides.id) -%}
    {%- set parent_id = synthohive.tested_id('to') if columns else key.parent -%}
    {%- set own = synthohive.key_of_parent(sides, columns) -%}
    {%- set real_parent = synthohive.stored_relation(parent_id) -%}
    {%- set reference = '(?i)\\bparent\\s*\\.\\s*("(?:[^"]|"")+"|`[^`]+`|\\w+)' -%}
    {%- set ns = namespace(rule=rule) -%}
    {%- set picked, on = [], [] -%}
    {%- for name in modules.re.findall(reference, rule) -%}
        {%- set column = 'synthohive_parent_' ~ loop.index -%}
        {%- do picked.append(synthohive.tested_column(real_parent, name).sql ~ ' as ' ~ column) -%}
        {%- set ns.rule = modules.re.sub(reference, column, ns.rule, 1) -%}
    {%- endfor -%}
    {%- for name in to_columns or key.parent_columns -%}
        {%- do picked.append(synthohive.tested_column(real_parent, name).sql ~ ' as synthohive_key_' ~ loop.index) -%}
        {%- do on.append('children.' ~ own[loop.index0] ~ ' = parents.synthohive_key_' ~ loop.index) -%}
    {%- endfor %}
    select case when not ({{ ns.rule }}) then 1 else 0 end as is_broken
    from (select * from {{ sides.twin_rows }}) as children
    left join (
        select {{ picked | join(', ') }}
        from {{ synthohive.existing_twin(parent_id) }}
    ) as parents
        on {{ on | join(' and ') }}
{% endmacro %}
