-- The day in one row; a day without requests has none.
WITH durations AS (
  {% set by = 'log_date' %}{% include 'sql/daily_summary/durations.sql' %}
),
days AS (
  SELECT
    log_date,
    COUNT(*) AS requests,
    COUNTIF(is_bot) AS bots,
    IFNULL(SUM(body_bytes_sent), 0) AS bytes,
    COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
    COUNTIF(status BETWEEN 400 AND 499) AS client_errors,
    COUNTIF(status BETWEEN 500 AND 599) AS server_errors
  FROM {{ dataset }}.requests
  WHERE log_date = {{ log_date }}
  GROUP BY log_date
)
SELECT
  log_date,
  requests,
  bots,
  bytes,
  unique_visitors,
  client_errors,
  server_errors,
  client_errors / requests AS client_error_rate,
  server_errors / requests AS server_error_rate,
  p50_duration_ms,
  p95_duration_ms,
  p99_duration_ms
FROM days LEFT JOIN durations USING (log_date)
