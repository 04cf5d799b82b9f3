{#-
    What a test that compares is about: `id` of what it is on, its relation `real`, the relation `twin`, and what to
    select from, `real_rows` and `twin_rows`, which keep to the test's `where`. With a `where` dbt hands a test a text
    for its relation; the node of the test says which one is meant.
-#}
{% macro compared_sides(twin=none) %}
    {% set id = synthohive.tested_id('model') %}
    {% set real, twin = synthohive.stored_relation(id), synthohive.existing_twin(id, twin) %}
    {{ return({
        'id': id,
        'real': real,
        'twin': twin,
        'real_rows': get_where_subquery(real) | string,
        'twin_rows': get_where_subquery(twin) | string,
    }) }}
{% endmacro %}
