{{ config(enabled=not synthohive.use_synthetic(), tags=['synthohive']) }}
-- depends_on: {{ ref('synthohive_tables') }}
{#- No twin has an orphan, but where the real table has some and they are to be kept. -#}
{%- set queries, relations = [], {} -%}
{%- for source in synthohive.marked_sources() if execute -%}
    {%- do relations.update({source.id: source.relation}) -%}
{%- endfor -%}
{%- for source in synthohive.marked_sources() if execute and source.settings.get('mode') != 'skip' -%}
    {%- for key in synthohive.declared_keys(source).foreign_keys if key.parent -%}
        {%- set query -%}
select
    {{ synthohive.text_literal(source.id) }} as source_id,
    {{ synthohive.text_literal(key.columns | join(', ')) }} as key_columns,
    twin.orphans as orphans
from ({{ synthohive.count_orphans(synthohive.twin_of(source.relation), synthohive.twin_of(relations[key.parent]), key) }}) as twin
cross join ({{ synthohive.count_orphans(source.relation, relations[key.parent], key) }}) as original
where
    twin.orphans > 0
    and not ({{ '1 = 1' if key.orphans == 'keep' else '1 = 0' }} and original.orphans > 0)
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
{%- endfor %}
{{ queries | join('\nunion all\n') or 'select 1 as nothing_to_check limit 0' }}
