-- Days by kind of agent.
SELECT log_date, agent_kind, SUM(requests) AS requests, SUM(errors) AS errors, SUM(bytes) AS bytes
FROM {{ dataset }}.daily_agents
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY log_date, agent_kind
ORDER BY log_date, agent_kind
