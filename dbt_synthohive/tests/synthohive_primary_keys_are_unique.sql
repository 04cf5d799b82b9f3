{{ config(enabled=not synthohive.use_synthetic(), tags=['synthohive']) }}
-- depends_on: {{ ref('synthohive_tables') }}
{#- Every primary key of a twin is complete, and every unique column set is unique. -#}
{%- set queries = [] -%}
{%- for source in synthohive.marked_sources() if execute and source.settings.get('mode') != 'skip' -%}
    {%- set keys = synthohive.declared_keys(source) -%}
    {%- for columns in [keys.primary_key] + keys.unique if columns -%}
        {%- set query -%}
select
    {{ synthohive.text_literal(source.id) }} as source_id,
    {{ synthohive.text_literal(columns | join(', ')) }} as key_columns,
    count(*) as wrong_keys
from (
    select count(*) as occurrences
    from {{ synthohive.twin_of(source.relation) }}
    {%- if columns != keys.primary_key %}
    where {% for column in columns %}{{ synthohive.quoted_column(column) }} is not null{{ ' and ' if not loop.last }}{% endfor %}
    {%- endif %}
    group by {% for column in columns %}{{ synthohive.quoted_column(column) }}{{ ', ' if not loop.last }}{% endfor %}
    having
        count(*) > 1
        {%- for column in columns if columns == keys.primary_key %}
        or max(case when {{ synthohive.quoted_column(column) }} is null then 1 else 0 end) = 1
        {%- endfor %}
) as wrong
having count(*) > 0
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
{%- endfor %}
{{ queries | join('\nunion all\n') or 'select 1 as nothing_to_check limit 0' }}
