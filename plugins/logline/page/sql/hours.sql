-- Days by the hour.
SELECT
  hour, SUM(requests) AS requests, SUM(bots) AS bots, SUM(unique_visitors) AS unique_visitors, SUM(errors) AS errors,
  SUM(bytes) AS bytes, MAX(p95_duration_ms) AS p95_duration_ms
FROM {{ dataset }}.hourly_traffic
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY hour
ORDER BY hour
LIMIT 1000
