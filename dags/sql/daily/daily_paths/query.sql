WITH durations AS (
  {% set by = 'log_date, path' %}{% include 'sql/daily_summary/durations.sql' %}
),
paths AS (
  SELECT
    log_date,
    path,
    COUNT(*) AS requests,
    COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
    COUNTIF(status >= 400) AS errors,
    IFNULL(SUM(body_bytes_sent), 0) AS bytes
  FROM {{ dataset }}.requests
  WHERE log_date = {{ log_date }}
  GROUP BY log_date, path
)
SELECT
  paths.log_date,
  paths.path,
  requests,
  unique_visitors,
  errors,
  bytes,
  p50_duration_ms,
  p95_duration_ms,
  p99_duration_ms
FROM paths LEFT JOIN durations
  -- What has no path is a path of its own here.
  ON IFNULL(paths.path, '') = IFNULL(durations.path, '') AND (paths.path IS NULL) = (durations.path IS NULL)
