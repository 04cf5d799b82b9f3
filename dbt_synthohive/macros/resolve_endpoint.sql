{#-
    The unique id that "source('a', 'b')" or "ref('c')" in a test's arguments means; none if it is neither.
    The order of `depends_on` differs between dbt versions, so the names are looked up in it.
-#}
{% macro resolve_endpoint(expression, test) %}
    {% set call = modules.re.search("(source|ref)\\s*\\(([^)]*)\\)", expression | string) %}
    {% if not call %}
        {{ return(none) }}
    {% endif %}
    {% set names = modules.re.findall("['\"]([^'\"]+)['\"]", call.group(2)) %}
    {% for id in test.depends_on.nodes %}
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
