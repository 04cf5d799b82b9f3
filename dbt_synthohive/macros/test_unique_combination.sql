{#- Several columns together are unique; declares a composite key. -#}
{% test unique_combination(model, columns) %}
    {%- set quoted = [] -%}
    {%- for column in columns -%}
        {%- do quoted.append(synthohive.quoted_column(column)) -%}
    {%- endfor %}
select
    {{ quoted | join(', ') }},
    count(*) as occurrences
from {{ model }}
group by {{ quoted | join(', ') }}
having count(*) > 1
{% endtest %}
