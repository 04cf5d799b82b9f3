{#-
    Which of the ids "source('a', 'b')" or "ref('c')" means; none if it is none of them.
    Of a test, these are those it depends on; their order differs between dbt versions, so names are looked up.
-#}
{% macro resolve_endpoint(expression, ids) %}
    {% set call = modules.re.search("(source|ref)\\s*\\(([^)]*)\\)", expression | string) %}
    {% if not call %}
        {{ return(none) }}
    {% endif %}
    {% set names = modules.re.findall("['\"]([^'\"]+)['\"]", call.group(2)) %}
    {% for id in ids %}
        {% set parts = id.split('.') %}
        {% if call.group(1) == 'source' and parts[0] == 'source' and parts[-2:] == names[-2:] %}
            {{ return(id) }}
        {% endif %}
        {% if call.group(1) == 'ref' and parts[0] != 'source' and names[-1] in parts[2:] %}
            {{ return(id) }}
        {% endif %}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}
