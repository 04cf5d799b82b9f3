{#-
    A rule in SQL, cut up: each part has its `text`; `parent`, the name in `parent.name` and in `parent(key).name`, none
    for all between, which is left as it is, texts and names in quotes too; and `key`, the names of that key.
-#}
{% macro parts_of_rule(rule) %}
    {%- set name = '(?:"(?:[^"]|"")+"|`[^`]+`|\\w+)' -%}
    {%- set key = '\\(\\s*' ~ name ~ '(?:\\s*,\\s*' ~ name ~ ')*\\s*\\)' -%}
    {%- set quoted = "'(?:[^']|'')*'|" ~ '"(?:[^"]|"")*"|`[^`]*`' -%}
    {%- set parent = '\\bparent\\s*(?:' ~ key ~ ')?\\s*\\.\\s*' ~ name -%}
    {%- set parts = [] -%}
    {%- for text in modules.re.split('(?i)(' ~ quoted ~ '|' ~ parent ~ ')', rule) -%}
        {%- set found = modules.re.match('(?i)parent\\s*(' ~ key ~ ')?\\s*\\.\\s*(' ~ name ~ ')$', text) -%}
        {%- do parts.append({
            'text': text,
            'parent': found.group(2) if found else none,
            'key': modules.re.findall(name, found.group(1) or '') if found else [],
        }) -%}
    {%- endfor -%}
    {{- return(parts) -}}
{% endmacro %}
