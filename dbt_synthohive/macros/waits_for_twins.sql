{#-
    How a test of twins begins: dbt runs it after the twins are written, and leaves it out where the sources are the
    twins, because there is nothing to compare them with.
-#}
{% macro waits_for_twins() %}
    {% if synthohive.use_synthetic() %}
        {{ config(enabled=false) }}
    {% else %}
        {% do ref('synthohive', 'synthohive_tables') %}
    {% endif %}
{% endmacro %}
