with flights as (

    select * from {{ ref('stg_flights') }}

),

airlines as (

    select * from {{ ref('stg_airlines') }}

),

joined as (

    select
        flights.*,
        airlines.airline_name,
        cast({{ dbt.date_trunc('month', 'flights.flight_date') }} as date) as flight_month
    from flights
    inner join airlines
        on flights.airline_code = airlines.airline_code

),

final as (

    select
        concat_ws('-', airline_code, cast(flight_month as {{ dbt.type_string() }})) as carrier_month_id,
        airline_code,
        airline_name,
        flight_month,
        count(*) as flights,
        count(*) filter (where status = 'cancelled') as cancelled_flights,
        count(*) filter (where departure_delay_minutes > 15) as late_departures,
        avg(departure_delay_minutes) as mean_departure_delay,
        avg(arrival_delay_minutes) as mean_arrival_delay
    from joined
    group by airline_code, airline_name, flight_month

)

select * from final
