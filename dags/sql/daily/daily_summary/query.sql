-- The day in one row; a day without requests has none.
{% set kind, key = 7, "''" %}
SELECT
  log_date,
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
FROM {{ staging }}.request_groups LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date)
WHERE kind = 0 AND {{ days }}
