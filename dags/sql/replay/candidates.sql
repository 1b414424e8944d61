-- What there is to read again, by reason.
SELECT
  error_type,
  source,
  log_format,
  COUNTIF(settled) AS lines,
  COUNTIF(NOT settled) AS unsettled,
  CAST(MIN(DATE(ingested_at)) AS STRING) AS first_day,
  CAST(MAX(DATE(ingested_at)) AS STRING) AS last_day
FROM (
{% include 'sql/replay/lines.sql' %}
)
GROUP BY error_type, source, log_format
ORDER BY lines DESC, unsettled DESC, error_type, source, log_format
