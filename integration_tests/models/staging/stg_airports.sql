with airports as (

    select * from {{ source('flights', 'airports') }}

),

final as (

    select
        faa as airport_code,
        name as airport_name,
        lat as latitude,
        lon as longitude,
        alt as altitude_feet,
        tz as utc_offset_hours,
        tzone as time_zone
    from airports

)

select * from final
