-- Each daily table must add up to the requests of the day; daily_sessions, whose sessions cross midnight, in its own way.
WITH requests AS (
  SELECT COUNT(*) AS requests, COUNTIF(NOT IFNULL(is_bot, FALSE)) AS of_visitors,
    IFNULL(SUM(body_bytes_sent), 0) AS bytes
  FROM {{ dataset }}.requests WHERE log_date = {{ log_date }}
),
-- A session that went on after midnight is of the day before.
sessions AS (
  SELECT IFNULL(SUM(IF(log_date = {{ log_date }}, requests - next_day_requests, next_day_requests)), 0) AS requests
  FROM {{ dataset }}.daily_sessions
  WHERE log_date BETWEEN DATE_SUB({{ log_date }}, INTERVAL 1 DAY) AND {{ log_date }}
),
visitors AS (
  SELECT
    (SELECT IFNULL(SUM(unique_visitors), 0) FROM {{ dataset }}.daily_summary WHERE log_date = {{ log_date }}) AS counted,
    (SELECT COUNTIF(NOT is_bot) FROM {{ dataset }}.daily_visitors WHERE log_date = {{ log_date }}) AS listed
),
daily AS (
{% for table in daily_tables if table != 'daily_sessions' %}
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
UNION ALL
SELECT 'requests in daily_sessions', 'fail', of_visitors = sessions.requests, of_visitors, sessions.requests,
  'requests of visitors in sessions against the table requests'
FROM requests CROSS JOIN sessions
UNION ALL
SELECT 'visitors in daily_visitors', 'fail', counted = listed, counted, listed, 'visitors against daily_summary'
FROM visitors
