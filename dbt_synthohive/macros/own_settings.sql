{#- What a `meta` holds under `synthohive`; {} if nothing, and an error if it is no mapping. -#}
{% macro own_settings(meta, place) %}
    {% set settings = (meta or {}).get('synthohive') %}
    {% if settings is not none and settings is not mapping %}
        {% do exceptions.raise_compiler_error(
            "synthohive: SettingError: " ~ place ~ ": config.meta.synthohive is no mapping; expected settings such as "
            ~ "{enabled: true}; received " ~ tojson(settings) ~ ". What to do: write the name of each setting before "
            ~ "its value, as dbt_synthohive/README.md lists them."
        ) %}
    {% endif %}
    {{ return(settings or {}) }}
{% endmacro %}
