{#- A query with a row for each row of the twin that a rule speaks of, and `is_broken`, 1 or 0. -#}
{% macro broken_by_rule(rule, sides, columns=none, to_columns=none) %}
    {%- set name = '("(?:[^"]|"")+"|`[^`]+`|\\w+)' -%}
    {%- set decides = modules.re.match('(?i)\\s*' ~ name ~ '\\s+decides\\s+' ~ name ~ '\\s*$', rule) -%}
    {%- set nulls = modules.re.match(
        '(?i)\\s*' ~ name ~ '\\s+decides\\s+whether\\s+' ~ name ~ '\\s+is\\s+null\\s*$', rule
    ) -%}
    {%- set rises = modules.re.match(
        '(?i)\\s*' ~ name ~ '\\s+never falls along\\s+' ~ name ~ '\\s+within a parent\\s*$', rule
    ) -%}
    {%- set apart = modules.re.match(
        '(?i)\\s*\\(\\s*' ~ name ~ '\\s*,\\s*' ~ name ~ '\\s*\\)\\s+do not overlap within a parent\\s*$', rule
    ) -%}
    {%- if decides %}
    select case when other_values > 1 and {{ decides.group(1) }} is not null then 1 else 0 end as is_broken
    from (
        select
            {{ decides.group(1) }},
            dense_rank() over (partition by {{ decides.group(1) }} order by {{ decides.group(2) }}) as other_values
        from {{ sides.twin_rows }}
    ) as ranked
    {%- elif nulls %}
    select
        case
            when {{ nulls.group(1) }} is null then 0
            when {{ nulls.group(2) }} is null and 2 * nulls_alike <= rows_alike then 1
            when {{ nulls.group(2) }} is not null and 2 * nulls_alike > rows_alike then 1
            else 0
        end as is_broken
    from (
        select
            {{ nulls.group(1) }},
            {{ nulls.group(2) }},
            sum(case when {{ nulls.group(2) }} is null then 1 else 0 end)
                over (partition by {{ nulls.group(1) }}) as nulls_alike,
            count(*) over (partition by {{ nulls.group(1) }}) as rows_alike
        from {{ sides.twin_rows }}
    ) as counted
    {%- elif rises %}
    select case when {{ rises.group(1) }} < value_before then 1 else 0 end as is_broken
    from (
        select
            {{ rises.group(1) }},
            lag({{ rises.group(1) }}) over (
                partition by {{ synthohive.key_of_parent(sides, columns) | join(', ') }}
                order by {{ rises.group(2) }}, {{ rises.group(1) }}
            ) as value_before
        from {{ sides.twin_rows }}
        where {{ rises.group(2) }} is not null and {{ rises.group(1) }} is not null
    ) as followed
    {%- elif apart %}
    select case when {{ apart.group(2) }} > start_after then 1 else 0 end as is_broken
    from (
        select
            {{ apart.group(2) }},
            lead({{ apart.group(1) }}) over (
                partition by {{ synthohive.key_of_parent(sides, columns) | join(', ') }}
                order by {{ apart.group(1) }}, {{ apart.group(2) }}
            ) as start_after
        from {{ sides.twin_rows }}
        where {{ apart.group(1) }} is not null
    ) as followed
    {%- elif synthohive.parts_of_rule(rule) | selectattr('parent') | list %}
    {{ synthohive.broken_with_parent(rule, sides, columns, to_columns) }}
    {%- else %}
    select case when not ({{ rule }}) then 1 else 0 end as is_broken
    from {{ sides.twin_rows }}
    {%- endif %}
{% endmacro %}
