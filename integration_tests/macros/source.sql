{#- In the targets named in `synthohive_synthetic_targets`, every source is its twin. -#}
{% macro source(source_name, table_name) %}
    {{ return(synthohive.synthetic_source(source_name, table_name)) }}
{% endmacro %}
