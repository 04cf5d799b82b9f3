{#- CardinalityShapeSimilarity of SDMetrics: how alike the numbers of rows per parent are distributed. -#}
{% test cardinality_similarity(
    model, to, column_name=none, field=none, columns=none, to_columns=none, min_score=0.9, twin=none
) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set key = synthohive.tested_key(sides.real, column_name, field, columns, to_columns) %}
{{ synthohive.scored_by_cdf(
    synthohive.children_per_parent(sides.real_rows, key.real_parent, key),
    synthohive.children_per_parent(sides.twin_rows, key.twin_parent, key)
) }}
{{ synthohive.failing_score('CardinalityShapeSimilarity', key.columns, min_score) }}
    {%- endif -%}
{% endtest %}
