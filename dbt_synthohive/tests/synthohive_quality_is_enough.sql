{{ config(enabled=not synthohive.use_synthetic(), tags=['synthohive']) }}
{#- Every finding of the quality table reaches its threshold. -#}
select *
from {{ ref('synthohive_quality') }}
where not passed
