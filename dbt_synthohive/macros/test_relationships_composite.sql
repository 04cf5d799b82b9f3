{#- Several columns together refer to a row of another table; declares a composite foreign key. -#}
{% test relationships_composite(model, columns, to, to_columns) %}
    {%- if columns | length != to_columns | length -%}
        {%- do exceptions.raise_compiler_error(
            "synthohive.relationships_composite: columns " ~ columns ~ " and to_columns " ~ to_columns
            ~ " must have the same length"
        ) -%}
    {%- endif %}
select child.*
from {{ model }} as child
left join {{ to }} as parent
    on {% for column in columns -%}
    child.{{ synthohive.quoted_column(column) }} = parent.{{ synthohive.quoted_column(to_columns[loop.index0]) }}
    {%- if not loop.last %}
    and {% endif -%}
    {%- endfor %}
where
    parent.{{ synthohive.quoted_column(to_columns[0]) }} is null
    {%- for column in columns %}
    and child.{{ synthohive.quoted_column(column) }} is not null
    {%- endfor %}
{% endtest %}
