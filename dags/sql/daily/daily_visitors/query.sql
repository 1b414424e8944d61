-- Its rows that are not bots number daily_summary.unique_visitors.
SELECT
  log_date,
  remote_addr,
  agent AS user_agent,
  is_crawler AS is_bot,
  SUM(requests) AS requests,
  SUM(errors) AS errors,
  SUM(bytes) AS bytes,
  MIN(first_request) AS first_request,
  MAX(last_request) AS last_request
FROM {{ staging }}.request_groups
WHERE kind = 6 AND {{ days }}
GROUP BY log_date, remote_addr, agent, is_crawler
