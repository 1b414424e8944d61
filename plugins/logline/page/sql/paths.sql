-- Paths of each host, those first that have most of what is asked for: requests, or waiting. Durations are means of the days', weighted
-- by requests.
SELECT
  host, path, requests, unique_visitors, errors, bytes, p50_duration_ms, p95_duration_ms, p99_duration_ms
FROM (
  SELECT
    host,
    path,
    SUM(requests) AS requests,
    SUM(unique_visitors) AS unique_visitors,
    SUM(errors) AS errors,
    SUM(bytes) AS bytes,
{% for name in ['p50_duration_ms', 'p95_duration_ms', 'p99_duration_ms'] %}
    SUM({{ name }} * requests) / NULLIF(SUM(IF({{ name }} IS NULL, 0, requests)), 0) AS {{ name }}{{ '' if loop.last else ',' }}
{% endfor %}
  FROM {{ dataset }}.daily_paths
  WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
  GROUP BY host, path
)
WHERE @by != 'duration' OR p95_duration_ms IS NOT NULL
ORDER BY IF(@by = 'duration', requests * p95_duration_ms, requests) DESC, host, path
LIMIT 200
