-- What failed: statuses of 400 and above by host and path, the most frequent first.
SELECT
  host, status, path, is_rest, SUM(requests) AS requests, MAX(addresses) AS addresses, COUNT(DISTINCT referer) AS referers,
  MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen
FROM {{ dataset }}.daily_errors
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY host, status, path, is_rest
ORDER BY requests DESC, host, status, path
LIMIT 300
