-- What there is to erase, by table, and what of it the stream has written so recently that BigQuery may refuse to change it.
WITH lines AS (
  {% include 'sql/erasures/lines.sql' %}
)
SELECT
  table_name,
  COUNT(*) AS found,
  CAST(MIN(log_date) AS STRING) AS first_day,
  CAST(MAX(log_date) AS STRING) AS last_day,
  COUNTIF(is_appended AND ingested_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {{ too_new_minutes }} MINUTE)) AS too_new,
  FORMAT_TIMESTAMP('%Y-%m-%d %H:%M', TIMESTAMP_ADD(
    MAX(IF(is_appended, ingested_at, NULL)), INTERVAL {{ too_new_minutes + 1 }} MINUTE
  )) AS not_before
FROM (
  SELECT *, table_name IN ('streamed_requests', 'rejected_streamed') AS is_appended FROM lines
)
GROUP BY table_name
ORDER BY table_name
