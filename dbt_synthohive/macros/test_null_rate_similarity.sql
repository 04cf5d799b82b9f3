{#- MissingValueSimilarity of SDMetrics: one less the difference of the shares of nulls, among which NaN counts. -#}
{% test null_rate_similarity(model, column_name, min_score=0.95, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set column = synthohive.tested_column(sides.real, column_name) %}
with sides as (
    {%- for side in ['real', 'twin'] %}

    select
        count(*) as all_rows,
        count(case when {{ column.has_value }} then 1 end) as filled_rows,
        {{ 1 if side == 'real' else 0 }} as is_real
    from {{ sides[side ~ '_rows'] }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

),

measured as (

    select
        sum(all_rows * is_real) as real_rows,
        sum(all_rows * (1 - is_real)) as twin_rows,
        sum(cast(filled_rows * is_real as {{ synthohive.type_double() }})) as real_filled,
        sum(cast(filled_rows * (1 - is_real) as {{ synthohive.type_double() }})) as twin_filled
    from sides

),

scored as (

    select
        real_rows,
        twin_rows,
        {{- synthohive.score_unless_empty('1 - abs(real_filled / real_rows - twin_filled / twin_rows)') }} as score
    from measured

)
{{ synthohive.failing_score('MissingValueSimilarity', [column.name], min_score) }}
    {%- endif -%}
{% endtest %}
