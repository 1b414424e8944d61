-- Who asked most on a day, crawlers left out.
SELECT
  remote_addr AS name, user_agent AS detail, SUM(requests) AS requests, SUM(errors) AS errors, SUM(bytes) AS bytes,
  MIN(first_request) AS first_request, MAX(last_request) AS last_request
FROM {{ dataset }}.daily_visitors
WHERE log_date = @day AND NOT is_bot
GROUP BY name, detail
ORDER BY requests DESC, name, detail
LIMIT 10
