{#- The unique id of what an argument of the test that runs names: `model`, or one with `source(...)` or `ref(...)`. -#}
{% macro tested_id(argument) %}
    {% set arguments = model.test_metadata.kwargs %}
    {{ return(synthohive.resolve_endpoint(arguments.get(argument), model.depends_on.nodes)) }}
{% endmacro %}
