{#- A score where both sides have rows; without any, two empty sides are alike, and one empty side is like nothing. -#}
{% macro score_unless_empty(score, real_rows='real_rows', twin_rows='twin_rows') %}
    case
        when {{ real_rows }} = 0 and {{ twin_rows }} = 0 then 1.0
        when {{ real_rows }} = 0 or {{ twin_rows }} = 0 then 0.0
        else {{ score }}
    end
{%- endmacro %}
