with flights as (

    select * from {{ source('flights', 'flights') }}

),

final as (

    select
        concat_ws('-', carrier, flight, cast(time_hour as {{ dbt.type_string() }})) as flight_id,
        carrier as airline_code,
        flight as flight_number,
        tailnum as tail_number,
        origin as origin_code,
        dest as destination_code,
        time_hour as scheduled_hour,
        cast({{ new_york_time('time_hour') }} as date) as flight_date,
        hour as scheduled_clock_hour,
        {{ minutes_of_day('sched_dep_time') }} as scheduled_departure_minute,
        {{ minutes_of_day('dep_time') }} as departure_minute,
        {{ minutes_of_day('arr_time') }} as arrival_minute,
        dep_delay as departure_delay_minutes,
        arr_delay as arrival_delay_minutes,
        air_time as air_minutes,
        distance as distance_miles,
        case
            when dep_time is null then 'cancelled'
            when air_time is null then 'diverted'
            else 'flown'
        end as status
    from flights

)

select * from final
