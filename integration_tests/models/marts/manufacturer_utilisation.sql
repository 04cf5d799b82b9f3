with flights as (

    select * from {{ ref('stg_flights') }}

),

planes as (

    select * from {{ ref('stg_planes') }}

),

-- flights whose aircraft is unknown, or not in the register, stay as a group of their own
flown as (

    select
        flights.tail_number,
        flights.air_minutes,
        flights.distance_miles,
        planes.seats,
        coalesce(planes.manufacturer, 'UNREGISTERED') as manufacturer
    from flights
    left join planes
        on flights.tail_number = planes.tail_number
    where flights.status = 'flown'

),

final as (

    select
        manufacturer,
        count(*) as flights,
        count(distinct tail_number) as aircraft,
        sum(air_minutes) / 60.0 as air_hours,
        sum(distance_miles) as miles,
        sum(seats) as seats_offered
    from flown
    group by manufacturer

)

select * from final
