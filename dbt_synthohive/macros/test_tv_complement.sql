{#- TVComplement of SDMetrics: how alike the shares of categories are; nulls are left out. -#}
{% test tv_complement(model, column_name, min_score=0.9, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set column = synthohive.tested_column(sides.real, column_name) %}
{{ synthohive.scored_by_shares(sides, [column]) }}
{{ synthohive.failing_score('TVComplement', [column.name], min_score) }}
    {%- endif -%}
{% endtest %}
