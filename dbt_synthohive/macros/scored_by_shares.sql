{#-
    CTEs that end with `scored`: one less half the sum of the differences of all shares. `columns` are those of
    `tested_column`; their values together are what is counted. With `keep_nulls` a null is a value like any other.
-#}
{% macro scored_by_shares(sides, columns, keep_nulls=false) %}
    {%- set names = columns | map(attribute='sql') | join(', ') %}
with sides as (
    {%- for side in ['real', 'twin'] %}

    select
        {{ names }},
        {{ 1 if side == 'real' else 0 }} as is_real,
        {{ 0 if side == 'real' else 1 }} as is_twin
    from {{ sides[side ~ '_rows'] }}
        {%- if not keep_nulls %}
    where {{ columns | map(attribute='has_value') | join(' and ') }}
        {%- endif %}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

),

counted as (

    select
        {{ names }},
        sum(is_real) as real_here,
        sum(is_twin) as twin_here
    from sides
    group by {{ names }}

),

totals as (

    select
        real_here,
        twin_here,
        sum(real_here) over () as real_all,
        sum(twin_here) over () as twin_all
    from counted

),

measured as (

    select
        coalesce(max(real_all), 0) as real_rows,
        coalesce(max(twin_all), 0) as twin_rows,
        sum(abs(
            cast(real_here as {{ synthohive.type_double() }}) / nullif(real_all, 0)
            - cast(twin_here as {{ synthohive.type_double() }}) / nullif(twin_all, 0)
        )) / 2 as distance
    from totals

),

scored as (

    select
        real_rows,
        twin_rows,
        {{- synthohive.score_unless_empty('1 - distance') }} as score
    from measured

)
{% endmacro %}
