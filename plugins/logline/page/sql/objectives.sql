-- How the objectives of each host stood on the last of the days.
SELECT host, objective, wanted, threshold_ms, requests, share, is_met, budget_left
FROM {{ dataset }}.objectives
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
QUALIFY ROW_NUMBER() OVER (PARTITION BY host, objective ORDER BY log_date DESC) = 1
ORDER BY budget_left, host, objective
LIMIT 300
