{#- What takes part: tables, columns, keys and settings, read from the graph. One row a fact. -#}
{%- set facts = synthohive.schema_facts() -%}
with facts as (

    {{ synthohive.values_of(facts, ['kind', 'source_name', 'table_name', 'name', 'payload']) }}

),

final as (

    select
        kind,
        source_name,
        table_name,
        name,
        payload
    from facts

)

select * from final
