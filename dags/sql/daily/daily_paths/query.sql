{% set kind, key = 8, "CONCAT(IFNULL(CONCAT('=', host), ''), ' ', IFNULL(CONCAT('=', path), ''))" %}
SELECT
  log_date,
  path,
  requests,
  unique_visitors,
  errors,
  bytes,
  p50_duration_ms,
  p95_duration_ms,
  p99_duration_ms,
  host
FROM (
  SELECT *, {{ key }} AS key FROM {{ staging }}.request_groups WHERE kind = 2 AND {{ days }}
) LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date, key)
