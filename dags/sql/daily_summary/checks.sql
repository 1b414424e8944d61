-- Each daily table must add up to the requests of the day.
WITH requests AS (
  SELECT COUNT(*) AS requests, IFNULL(SUM(body_bytes_sent), 0) AS bytes FROM {{ dataset }}.requests
  WHERE log_date = {{ log_date }}
),
daily AS (
{% for table in ['daily_summary', 'daily_paths', 'daily_statuses', 'hourly_traffic'] %}
  SELECT '{{ table }}' AS name, IFNULL(SUM(requests), 0) AS requests, IFNULL(SUM(bytes), 0) AS bytes
  FROM {{ dataset }}.{{ table }} WHERE log_date = {{ log_date }}
  {% if not loop.last %}UNION ALL{% endif %}
{% endfor %}
)
SELECT CONCAT('requests in ', name) AS check_name, 'fail' AS level, requests.requests = daily.requests AS passed,
  requests.requests AS expected, daily.requests AS actual, 'sum of requests against the table requests' AS message
FROM daily CROSS JOIN requests
UNION ALL
SELECT CONCAT('bytes in ', name), 'fail', requests.bytes = daily.bytes, requests.bytes, daily.bytes,
  'sum of bytes against the table requests'
FROM daily CROSS JOIN requests
