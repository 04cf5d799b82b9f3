with weather as (

    select * from {{ source('flights', 'weather') }}

),

-- anemometers of 2013 sent values above any hurricane; they count as not measured
final as (

    select
        origin as airport_code,
        time_hour as observed_at,
        (temp - 32) * 5 / 9 as temperature_celsius,
        humid as humidity_percent,
        case when wind_speed < 200 then wind_speed end as wind_mph,
        wind_gust as gust_mph,
        precip * 25.4 as rain_mm,
        pressure as pressure_hpa,
        visib as visibility_miles
    from weather

)

select * from final
