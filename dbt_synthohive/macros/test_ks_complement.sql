{#- KSComplement of SDMetrics: how alike numbers, dates or times are distributed; nulls are left out. -#}
{% test ks_complement(model, column_name, min_score=0.9, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides = synthohive.compared_sides(twin) -%}
    {%- set column = synthohive.measured_column(sides.real, column_name) -%}
    {%- set rows = [] -%}
    {%- for side in [sides.real_rows, sides.twin_rows] -%}
        {%- do rows.append('select ' ~ column.sql ~ ' as x from ' ~ side ~ ' where ' ~ column.has_value) -%}
    {%- endfor %}
{{ synthohive.scored_by_cdf(rows[0], rows[1]) }}
{{ synthohive.failing_score('KSComplement', [column.name], min_score) }}
    {%- endif -%}
{% endtest %}
