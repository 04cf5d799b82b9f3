{{ config(enabled=not synthohive.use_synthetic(), tags=['synthohive']) }}
-- depends_on: {{ ref('synthohive_tables') }}
{#- A twin has the columns of its source: names, order and types. Compared as the database describes them. -#}
{%- set differences = [] -%}
{%- for source in synthohive.marked_sources() if execute and source.settings.get('mode') != 'skip' -%}
    {%- set sides = [] -%}
    {%- for relation in [source.relation, synthohive.twin_of(source.relation)] -%}
        {%- set side = [] -%}
        {%- for column in synthohive.described_columns(relation) -%}
            {%- do side.append(column.name ~ ' ' ~ column.type) -%}
        {%- endfor -%}
        {%- do sides.append(side | join(', ')) -%}
    {%- endfor -%}
    {%- if sides[0] != sides[1] -%}
        {%- do differences.append([source.id] + sides) -%}
    {%- endif -%}
{%- endfor %}
{{ synthohive.values_of(differences, ['source_id', 'source_columns', 'twin_columns']) }}
