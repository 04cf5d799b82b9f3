{#-
    CTEs that end with `scored`: one less the widest gap between two cumulative distributions. Both arguments are
    queries with the one column `x`. Values are counted first, so that only distinct ones are sorted.
-#}
{% macro scored_by_cdf(real_query, twin_query) %}
with sides as (

    select x, 1 as is_real, 0 as is_twin from ({{ real_query }}) as real_values
    union all
    select x, 0 as is_real, 1 as is_twin from ({{ twin_query }}) as twin_values

),

counted as (

    select
        x,
        sum(is_real) as real_here,
        sum(is_twin) as twin_here
    from sides
    group by x

),

cumulated as (

    select
        sum(real_here) over (order by x rows between unbounded preceding and current row) as real_below,
        sum(twin_here) over (order by x rows between unbounded preceding and current row) as twin_below,
        sum(real_here) over () as real_all,
        sum(twin_here) over () as twin_all
    from counted

),

measured as (

    select
        coalesce(max(real_all), 0) as real_rows,
        coalesce(max(twin_all), 0) as twin_rows,
        max(abs(
            cast(real_below as {{ synthohive.type_double() }}) / nullif(real_all, 0)
            - cast(twin_below as {{ synthohive.type_double() }}) / nullif(twin_all, 0)
        )) as gap
    from cumulated

),

scored as (

    select
        real_rows,
        twin_rows,
        {{- synthohive.score_unless_empty('1 - gap') }} as score
    from measured

)
{% endmacro %}
