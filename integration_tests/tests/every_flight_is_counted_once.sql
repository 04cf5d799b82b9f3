-- No join of a mart loses a flight or counts it twice.
with flights as (

    select count(*) as flights from {{ ref('stg_flights') }}

),

counted as (

    select 'carrier_monthly_delays' as mart, sum(flights) as flights from {{ ref('carrier_monthly_delays') }}
    union all
    select 'daily_weather_delays' as mart, sum(flights) as flights from {{ ref('daily_weather_delays') }}
    union all
    select 'route_statistics' as mart, sum(flights) as flights from {{ ref('route_statistics') }}

),

final as (

    select counted.mart, counted.flights
    from counted
    cross join flights
    where counted.flights <> flights.flights

)

select * from final
