{#- A number HHMM, from 0000 to 2400. -#}
{% test clock_time(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not between 0 and 2400 or {{ column_name }} % 100 >= 60
{% endtest %}
