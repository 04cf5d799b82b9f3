-- A flight that did not depart has no delay, no arrival and no time in the air, and one that did has a delay.
with flights as (

    select * from {{ ref('stg_flights') }}

),

final as (

    select *
    from flights
    where
        (departure_minute is null) <> (departure_delay_minutes is null)
        or (
            departure_minute is null
            and coalesce(arrival_minute, arrival_delay_minutes, air_minutes) is not null
        )

)

select * from final
