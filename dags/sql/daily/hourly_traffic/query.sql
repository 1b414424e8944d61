{% set kind, key = 7, "CONCAT(CAST(hour AS STRING), IFNULL(CONCAT('=', host), ''))" %}
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
  p99_duration_ms,
  host
FROM (
  SELECT *, {{ key }} AS key FROM {{ staging }}.request_groups WHERE kind = 1 AND {{ days }}
) LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date, key)
