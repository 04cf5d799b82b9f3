{#-
    The end of a test: one row if the score is too low, or no number (correlations of infinities), with all that `store_failures` should keep. Before it stands a
    CTE `scored` with the columns real_rows, twin_rows and score.
-#}
{% macro failing_score(metric, columns, min_score) %}
select
    {{ synthohive.text_literal(metric) }} as metric,
    {{ synthohive.text_literal(columns | join(', ')) }} as column_names,
    score,
    {{ min_score }} as min_score,
    real_rows,
    twin_rows
from scored
where
    score is null
    or not (score >= {{ min_score }} and score <= 2) -- NaN is above all numbers, or no comparison with it is true
{% endmacro %}
