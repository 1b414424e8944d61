SELECT
  log_date,
  TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
  COUNT(*) AS requests,
  COUNTIF(is_bot) AS bots,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
  COUNTIF(status >= 400) AS errors
FROM {{ dataset }}.requests
WHERE log_date = {{ log_date }}
GROUP BY log_date, hour
