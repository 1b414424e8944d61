-- Every summarised day of a host, as days.sql has them of all hosts.
SELECT
  log_date, requests, bots, unique_visitors, bytes, client_errors, server_errors, p50_duration_ms, p95_duration_ms, p99_duration_ms
FROM {{ dataset }}.daily_hosts
WHERE log_date >= DATE '1970-01-01' AND IFNULL(host, '(none)') = @host
ORDER BY log_date DESC
LIMIT 732
