{#-
    CorrelationSimilarity of SDMetrics: how alike Pearson's correlation of two columns is, over rows in which both have
    a value. A column of one value has none: two such sides are alike, and one is not like another.
-#}
{% test correlation_similarity(model, columns, min_score=0.9, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if columns is string or columns | length != 2 -%}
        {%- do exceptions.raise_compiler_error(
            "synthohive.correlation_similarity: expected two columns; received " ~ columns
        ) -%}
    {%- endif -%}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set one = synthohive.measured_column(sides.real, columns[0]) -%}
    {%- set other = synthohive.measured_column(sides.real, columns[1]) %}
with real_side as (
    {{ synthohive.correlation_of(sides.real_rows, one, other) }}
),

twin_side as (
    {{ synthohive.correlation_of(sides.twin_rows, one, other) }}
),

scored as (

    select
        real_side.complete_rows as real_rows,
        twin_side.complete_rows as twin_rows,
        case
            when real_side.complete_rows = 0 and twin_side.complete_rows > 0 then 0.0
            when real_side.complete_rows > 0 and twin_side.complete_rows = 0 then 0.0
            when real_side.correlation is null and twin_side.correlation is null then 1.0
            when real_side.correlation is null or twin_side.correlation is null then 0.0
            else 1 - abs(real_side.correlation - twin_side.correlation) / 2
        end as score
    from real_side -- one row each
    cross join twin_side

)
{{ synthohive.failing_score('CorrelationSimilarity', [one.name, other.name], min_score) }}
    {%- endif -%}
{% endtest %}
