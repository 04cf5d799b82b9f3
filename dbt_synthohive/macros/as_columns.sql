{#- A setting that names columns, as a list; [] if it names none, which the engine refuses with a message. -#}
{% macro as_columns(value) %}
    {% set names = [value] if value is string else value %}
    {% if names is not iterable or names is mapping or names | reject('string') | list %}
        {{ return([]) }}
    {% endif %}
    {{ return(names | list) }}
{% endmacro %}
