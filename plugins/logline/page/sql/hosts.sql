-- Hosts; without a name what the log has none for.
SELECT
  host, SUM(requests) AS requests, SUM(bots) AS bots, SUM(unique_visitors) AS unique_visitors, SUM(bytes) AS bytes,
  SUM(client_errors) AS client_errors, SUM(server_errors) AS server_errors
FROM {{ dataset }}.daily_hosts
WHERE {% include 'period.sql' %}
GROUP BY host
ORDER BY requests DESC, host
LIMIT 200
