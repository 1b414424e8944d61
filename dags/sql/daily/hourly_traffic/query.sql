WITH durations AS (
  {% set by = 'log_date, hour' %}{% include 'sql/daily_summary/durations.sql' %}
),
hours AS (
  SELECT
    log_date,
    TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
    COUNT(*) AS requests,
    COUNTIF(is_bot) AS bots,
    IFNULL(SUM(body_bytes_sent), 0) AS bytes,
    COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
    COUNTIF(status >= 400) AS errors
  FROM {{ dataset }}.requests
  WHERE log_date = {{ log_date }}
  GROUP BY log_date, hour
)
SELECT
  log_date,
  hour,
  requests,
  bots,
  bytes,
  unique_visitors,
  errors,
  p50_duration_ms,
  p95_duration_ms,
  p99_duration_ms
FROM hours LEFT JOIN durations USING (log_date, hour)
