with planes as (

    select * from {{ source('flights', 'planes') }}

),

-- the register writes some makers in several ways
final as (

    select
        tailnum as tail_number,
        case
            when manufacturer like 'AIRBUS%' then 'AIRBUS'
            when manufacturer like 'MCDONNELL DOUGLAS%' then 'MCDONNELL DOUGLAS'
            when manufacturer like 'CANADAIR%' then 'CANADAIR'
            else manufacturer
        end as manufacturer,
        model,
        type as aircraft_type,
        engine as engine_type,
        engines,
        seats,
        year as built_in
    from planes

)

select * from final
