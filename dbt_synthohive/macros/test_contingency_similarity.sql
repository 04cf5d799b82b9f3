{#- ContingencySimilarity of SDMetrics: how alike the shares of pairs of categories are; null is a category. -#}
{% test contingency_similarity(model, columns, min_score=0.9, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides, found = synthohive.compared_sides(twin), [] -%}
    {%- for name in columns -%}
        {%- do found.append(synthohive.tested_column(sides.real, name)) -%}
    {%- endfor %}
{{ synthohive.scored_by_shares(sides, found, keep_nulls=true) }}
{{ synthohive.failing_score('ContingencySimilarity', found | map(attribute='name'), min_score) }}
    {%- endif -%}
{% endtest %}
