-- Agents by name; those of a kind alone, where one is given. Addresses are those of the day with most.
SELECT
  agent_kind, agent_name, agent_operator, agent_verified, SUM(requests) AS requests, MAX(addresses) AS addresses,
  SUM(errors) AS errors, SUM(bytes) AS bytes, MAX(log_date) AS last_day
FROM {{ dataset }}.daily_agents
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %} AND IF(@kind IS NULL, agent_kind != 'browser' OR agent_kind IS NULL, agent_kind = @kind)
GROUP BY agent_kind, agent_name, agent_operator, agent_verified
ORDER BY requests DESC, agent_name
LIMIT 300
