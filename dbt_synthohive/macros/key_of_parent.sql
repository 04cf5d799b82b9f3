{#- The columns, as SQL has them, of the foreign key to the parent that a rule is about. -#}
{% macro key_of_parent(sides, columns=none) %}
    {% set found = columns or synthohive.only_foreign_key(sides.id).columns %}
    {% set names = [] %}
    {% for column in found %}
        {% do names.append(synthohive.tested_column(sides.real, column).sql) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
