with airlines as (

    select * from {{ source('flights', 'airlines') }}

),

final as (

    select
        carrier as airline_code,
        name as airline_name
    from airlines

)

select * from final
