-- What there is to read again, by reason.
SELECT
  error_type,
  source,
  log_format,
  COUNT(*) AS lines,
  CAST(MIN(DATE(ingested_at)) AS STRING) AS first_day,
  CAST(MAX(DATE(ingested_at)) AS STRING) AS last_day
FROM (
{% include 'sql/replay/lines.sql' %}
)
GROUP BY error_type, source, log_format
ORDER BY lines DESC, error_type, source, log_format
