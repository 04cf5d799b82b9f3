{#- A query of one row: the correlation of two columns of `tested_column`, null if one has only one value. -#}
{% macro correlation_of(rows, one, other) %}
    select
        count(*) as complete_rows,
        case when min(a) < max(a) and min(b) < max(b) then corr(a, b) end as correlation
    from (
        select {{ one.number }} as a, {{ other.number }} as b
        from {{ rows }}
        where {{ one.has_value }} and {{ other.has_value }}
    ) as complete
{% endmacro %}
