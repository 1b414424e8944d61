-- The daily summaries, the newest first, counted back from the newest.
SELECT
  log_date, requests, bots, unique_visitors, bytes, client_errors, server_errors, client_error_rate, server_error_rate,
  p50_duration_ms, p95_duration_ms, p99_duration_ms
FROM {{ dataset }}.daily_summary
WHERE log_date > DATE_SUB((SELECT MAX(log_date) FROM {{ dataset }}.daily_summary), INTERVAL @days DAY)
ORDER BY log_date DESC
