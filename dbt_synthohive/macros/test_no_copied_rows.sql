{#-
    At most a share of the twin's rows equal, in `columns`, a real row that fewer than `shared_by` rows are equal to.
    By default all columns are compared but the keys that a marked source declares. Nulls are equal to each other.
-#}
{% test no_copied_rows(model, columns=none, max_share=0, shared_by=none, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides, names = synthohive.compared_sides(twin), [] -%}
    {%- for column in columns or synthohive.columns_but_keys(sides) -%}
        {%- do names.append(synthohive.tested_column(sides.real, column).sql) -%}
    {%- endfor -%}
    {%- set shared_by = shared_by or var('synthohive_k_anonymity_threshold', none) or 5 %}
with sides as (

    select {{ names | join(', ') }}, 1 as is_real, 0 as is_twin from {{ sides.real_rows }}
    union all
    select {{ names | join(', ') }}, 0 as is_real, 1 as is_twin from {{ sides.twin_rows }}

),

counted as (

    select
        {{ names | join(',\n        ') }},
        sum(is_real) as real_rows,
        sum(is_twin) as twin_rows
    from sides
    group by {{ names | join(', ') }}

),

copied as (

    select *
    from counted
    where
        twin_rows > 0
        and real_rows > 0
        and real_rows < {{ shared_by }}

),

final as (

    select *
    from copied
    {%- if max_share %}
    where (select sum(twin_rows) from copied) > {{ max_share }} * (select sum(twin_rows) from counted)
    {%- endif %}

)

select * from final
    {%- endif -%}
{% endtest %}
