-- Its rows of a host that are not bots number daily_hosts.unique_visitors.
SELECT
  log_date,
  remote_addr,
  user_agent,
  is_bot,
  SUM(requests) AS requests,
  SUM(errors) AS errors,
  SUM(bytes) AS bytes,
  MIN(first_request) AS first_request,
  MAX(last_request) AS last_request,
  host
FROM {{ staging }}.request_groups
WHERE kind IN (6, 9) AND {{ days }}
GROUP BY log_date, host, remote_addr, user_agent, is_bot
