-- Its rows that are not bots number daily_summary.unique_visitors.
SELECT
  log_date,
  remote_addr,
  NULLIF(user_agent, '') AS user_agent,
  IFNULL(is_bot, FALSE) AS is_bot,
  COUNT(*) AS requests,
  COUNTIF(status >= 400) AS errors,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  MIN(timestamp) AS first_request,
  MAX(timestamp) AS last_request
FROM {{ dataset }}.requests
WHERE log_date = {{ log_date }}
GROUP BY log_date, remote_addr, NULLIF(user_agent, ''), IFNULL(is_bot, FALSE)
