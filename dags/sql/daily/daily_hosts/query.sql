{% set kind, key = 7, "IFNULL(CONCAT('=', host), '')" %}
SELECT
  log_date,
  host,
  requests,
  bots,
  bytes,
  unique_visitors,
  client_errors,
  server_errors,
  CAST(client_errors AS FLOAT64) / requests AS client_error_rate,
  CAST(server_errors AS FLOAT64) / requests AS server_error_rate,
  p50_duration_ms,
  p95_duration_ms,
  p99_duration_ms
FROM (
  SELECT *, {{ key }} AS key FROM {{ staging }}.request_groups WHERE kind = 11 AND {{ days }}
) LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date, key)
