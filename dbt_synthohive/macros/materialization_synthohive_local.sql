{#-
    Python models where dbt's adapter has none: dbt's own `table`, step by step, but that the plugin runs the model
    and copies its rows into the intermediate relation. So a failed model leaves the old table in place.
-#}
{% materialization synthohive_local, default, supported_languages=['python'] %}
    {%- if adapter.synthohive_local is not defined -%}
        {% do exceptions.raise_compiler_error(
            "synthohive: dbt's adapter for " ~ target.type ~ " runs no Python models. What to do: on Postgres, run "
            ~ "`pip install 'synthohive-py[dbt-postgres]'` where dbt is installed, and don't set "
            ~ "SYNTHOHIVE_DBT_PLUGIN=off; other databases without Python models are not supported."
        ) %}
    {%- endif -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
    {%- set preexisting_intermediate_relation = load_cached_relation(intermediate_relation) -%}
    {%- set backup_type = 'table' if existing_relation is none else existing_relation.type -%}
    {%- set backup_relation = make_backup_relation(target_relation, backup_type) -%}
    {%- set preexisting_backup_relation = load_cached_relation(backup_relation) -%}
    {%- set grant_config = config.get('grants') -%}

    {{ drop_relation_if_exists(preexisting_intermediate_relation) }}
    {{ drop_relation_if_exists(preexisting_backup_relation) }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main', language='python') -%}
{{ compiled_code }}

synthohive_target = {{ intermediate_relation.render() | tojson }}
    {%- endcall %}
    {% do create_indexes(intermediate_relation) %}

    {%- if existing_relation is not none -%}
        {#- A hook may have dropped it. -#}
        {%- set existing_relation = load_cached_relation(existing_relation) -%}
        {%- if existing_relation is not none -%}
            {{ adapter.rename_relation(existing_relation, backup_relation) }}
        {%- endif -%}
    {%- endif -%}
    {{ adapter.rename_relation(intermediate_relation, target_relation) }}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- set should_revoke = should_revoke(existing_relation, full_refresh_mode=True) -%}
    {% do apply_grants(target_relation, grant_config, should_revoke=should_revoke) %}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}

    {{ drop_relation_if_exists(backup_relation) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
