{#-
    Rows of texts as a query. With `values`, because thousands of `select ... union all` take databases over a minute.
-#}
{% macro values_of(rows, columns) %}
    {{- return(adapter.dispatch('values_of', 'synthohive')(rows, columns)) -}}
{% endmacro %}

{% macro default__values_of(rows, columns) %}
    {%- if rows %}
    select *
    from (
        values
        {%- for row in rows %}
        (
            {%- for cell in row -%}
                cast({{ synthohive.text_literal(cell) }} as {{ dbt.type_string() }})
                {%- if not loop.last %}, {% endif -%}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as rows_of_text ({{ columns | join(', ') }})
    {%- else %}
    select
        {%- for column in columns %}
        cast(null as {{ dbt.type_string() }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    limit 0
    {%- endif %}
{%- endmacro %}

{#- BigQuery knows no `values` but in `insert`. -#}
{% macro bigquery__values_of(rows, columns) %}
    {%- if rows %}
    select *
    from unnest(array<struct<{{ columns | join(' string, ') }} string>>[
        {%- for row in rows %}
        (
            {%- for cell in row -%}
                {{ synthohive.text_literal(cell) }}
                {%- if not loop.last %}, {% endif -%}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ])
    {%- else %}
    {{- synthohive.default__values_of(rows, columns) }}
    {%- endif %}
{%- endmacro %}
