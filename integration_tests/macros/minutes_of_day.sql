{#- Minutes since midnight of a clock time that is written as the number HHMM. Midnight itself may be 2400. -#}
{% macro minutes_of_day(hhmm) %}
    (cast(floor({{ hhmm }} / 100) as integer) * 60 + {{ hhmm }} % 100)
{%- endmacro %}
