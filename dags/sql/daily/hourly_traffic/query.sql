{% set kind, key = 7, 'CAST(hour AS STRING)' %}
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
FROM (
  SELECT *, {{ key }} AS key FROM {{ staging }}.request_groups WHERE kind = 1 AND {{ days }}
) LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date, key)
