-- A flight that did not depart has no delay, no arrival and no time in the air, and one that did has a delay.
-- Reports may contradict themselves now and then; more than one in a thousand is an error.
{{ config(warn_if='> 0', error_if='> 336') }}

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
