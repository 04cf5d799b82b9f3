{#- At most a share of the twin's rows have a complete key that no row of the parent's twin has; gives their keys. -#}
{% test no_orphans(
    model, to, column_name=none, field=none, columns=none, to_columns=none, max_share=0, twin=none
) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set key = synthohive.tested_key(sides.real, column_name, field, columns, to_columns) -%}
    {%- set own, on = [], [] -%}
    {%- for column in key.columns -%}
        {%- do own.append('children.' ~ adapter.quote(column)) -%}
        {%- do on.append(own[-1] ~ ' = parents.' ~ adapter.quote(key.parent_columns[loop.index0])) -%}
    {%- endfor %}
with children as (

    select * from {{ sides.twin_rows }}

),

parents as (

    select distinct
        {%- for column in key.parent_columns %}
        {{ adapter.quote(column) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ key.twin_parent }}

),

orphans as (

    select {{ own | join(', ') }}
    from children
    left join parents
        on {{ on | join(' and ') }}
    where
        parents.{{ adapter.quote(key.parent_columns[0]) }} is null
        and {{ own | join(' is not null and ') }} is not null

),

final as (

    select *
    from orphans
    {%- if max_share %}
    where (select count(*) from orphans) > {{ max_share }} * (select count(*) from children)
    {%- endif %}

)

select * from final
    {%- endif -%}
{% endtest %}
