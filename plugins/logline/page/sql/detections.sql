-- What was looked for and found. Addresses are those of the day with most.
SELECT
  detection, severity, tags, SUM(requests) AS requests, MAX(addresses) AS addresses, SUM(answered) AS answered,
  MAX(last_seen) AS last_seen, ANY_VALUE(example HAVING MAX answered) AS example
FROM {{ dataset }}.daily_detections
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY detection, severity, tags
ORDER BY
  CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, answered DESC, requests DESC, detection
LIMIT 300
