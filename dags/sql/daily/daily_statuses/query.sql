SELECT
  log_date,
  status,
  COUNT(*) AS requests,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes
FROM {{ dataset }}.requests
WHERE log_date = {{ log_date }}
GROUP BY log_date, status
