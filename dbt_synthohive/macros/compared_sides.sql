{#-
    What a test that compares is about: `id` of what it is on, its relation `real`, the relation `twin`, and what to
    select from, `real_rows` and `twin_rows`, which keep to the test's `where`. With a `where` dbt hands a test a text
    for its relation; the node of the test says which one is meant.
-#}
{% macro compared_sides(twin=none) %}
    {% set id = synthohive.tested_id('model') %}
    {% set sides = {'id': id, 'real': synthohive.stored_relation(id), 'twin': synthohive.existing_twin(id, twin)} %}
    {% for side in ['real', 'twin'] %}
        {% set where = model.config.get('where') %}
        {% do sides.update({
            side ~ '_rows': '(select * from ' ~ sides[side] ~ ' where ' ~ where ~ ') as ' ~ side ~ '_side'
                if where else sides[side] | string
        }) %}
    {% endfor %}
    {{ return(sides) }}
{% endmacro %}
