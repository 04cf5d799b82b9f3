with flights as (

    select * from {{ ref('stg_flights') }}

),

airports as (

    select * from {{ ref('stg_airports') }}

),

routes as (

    select
        origin_code,
        destination_code,
        count(*) as flights,
        count(distinct airline_code) as airlines,
        count(*) filter (where status = 'cancelled') as cancelled_flights,
        {{ median('distance_miles') }} as distance_miles,
        {{ median('air_minutes') }} as air_minutes,
        avg(arrival_delay_minutes) as mean_arrival_delay
    from flights
    group by origin_code, destination_code

),

-- some destinations are not in the list of airports, so they have no name
final as (

    select
        concat_ws('-', routes.origin_code, routes.destination_code) as route_id,
        routes.*,
        origins.airport_name as origin_name,
        destinations.airport_name as destination_name,
        destinations.time_zone as destination_time_zone
    from routes
    inner join airports as origins
        on routes.origin_code = origins.airport_code
    left join airports as destinations
        on routes.destination_code = destinations.airport_code

)

select * from final
