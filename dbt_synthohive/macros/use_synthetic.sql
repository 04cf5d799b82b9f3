{#- Whether the sources of this target are the twins. -#}
{% macro use_synthetic() %}
    {{ return(target.name in var('synthohive_synthetic_targets', [])) }}
{% endmacro %}
