-- The day in one row; a day without requests has none.
SELECT
  log_date,
  COUNT(*) AS requests,
  COUNTIF(is_bot) AS bots,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
  COUNTIF(status BETWEEN 400 AND 499) AS client_errors,
  COUNTIF(status BETWEEN 500 AND 599) AS server_errors,
  COUNTIF(status BETWEEN 400 AND 499) / COUNT(*) AS client_error_rate,
  COUNTIF(status BETWEEN 500 AND 599) / COUNT(*) AS server_error_rate,
  APPROX_QUANTILES(request_duration_ms, 100)[SAFE_OFFSET(50)] AS p50_duration_ms,
  APPROX_QUANTILES(request_duration_ms, 100)[SAFE_OFFSET(95)] AS p95_duration_ms,
  APPROX_QUANTILES(request_duration_ms, 100)[SAFE_OFFSET(99)] AS p99_duration_ms
FROM {{ dataset }}.requests
WHERE log_date = {{ log_date }}
GROUP BY log_date
