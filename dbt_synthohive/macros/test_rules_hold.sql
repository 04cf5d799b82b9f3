{#-
    Each rule holds in all rows of the twin but at most a share; gives a row for each that does not. `rules` are
    conditions in SQL or sentences of the language of declared rules; by default those that the source declares. What
    is null breaks no condition. Rules on parents need the foreign key, if the source does not declare exactly one.
-#}
{% test rules_hold(model, rules=none, to=none, columns=none, to_columns=none, max_share=0, twin=none) %}
    {{- synthohive.waits_for_twins() -}}
    {%- if execute -%}
    {%- set sides, queries = synthohive.compared_sides(twin), [] -%}
    {%- for rule in rules or synthohive.declared_rules(sides.id) -%}
        {%- set query -%}
select
    {{ synthohive.text_literal(rule) }} as rule,
    count(*) as twin_rows,
    coalesce(sum(is_broken), 0) as broken_rows
from ({{ synthohive.broken_by_rule(rule, sides, columns, to_columns) }}) as judged
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor %}
select *
from (
    {{ queries | join('\n    union all\n') }}
) as judged_rules
where broken_rows > {{ max_share }} * twin_rows
    {%- endif -%}
{% endtest %}
