with flights as (

    select * from {{ ref('stg_flights') }}

),

weather as (

    select * from {{ ref('stg_weather') }}

),

-- the stations missed some hours, so a flight may have no weather
joined as (

    select
        flights.*,
        weather.observed_at,
        weather.wind_mph,
        weather.rain_mm,
        weather.visibility_miles
    from flights
    left join weather
        on flights.origin_code = weather.airport_code
        and flights.scheduled_hour = weather.observed_at

),

final as (

    select
        concat_ws('-', origin_code, cast(flight_date as {{ dbt.type_string() }})) as airport_day_id,
        origin_code,
        flight_date,
        count(*) as flights,
        count(observed_at) as flights_with_weather,
        count(*) filter (where status = 'cancelled') as cancelled_flights,
        avg(departure_delay_minutes) as mean_departure_delay,
        avg(wind_mph) as mean_wind_mph,
        max(rain_mm) as heaviest_rain_mm,
        min(visibility_miles) as lowest_visibility_miles
    from joined
    group by origin_code, flight_date

)

select * from final
