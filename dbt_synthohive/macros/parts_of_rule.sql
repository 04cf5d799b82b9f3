{#-
    A rule in SQL, cut up: each part has its `text`, and `parent`, the name in `parent.name`; none for all between, which
    is left as it is, texts and names in quotes too.
-#}
{% macro parts_of_rule(rule) %}
    {%- set name = '(?:"(?:[^"]|"")+"|`[^`]+`|\\w+)' -%}
    {%- set quoted = "'(?:[^']|'')*'|" ~ '"(?:[^"]|"")*"|`[^`]*`' -%}
    {%- set parts = [] -%}
    {%- for text in modules.re.split('(?i)(' ~ quoted ~ '|\\bparent\\s*\\.\\s*' ~ name ~ ')', rule) -%}
        {%- set found = modules.re.match('(?i)parent\\s*\\.\\s*(' ~ name ~ ')$', text) -%}
        {%- do parts.append({'text': text, 'parent': found.group(1) if found else none}) -%}
    {%- endfor -%}
    {{- return(parts) -}}
{% endmacro %}
