-- What asked on a day: browser and operating system as read from the user agent.
SELECT
  CONCAT(IFNULL(browser, 'unknown'), ' on ', IFNULL(os, 'unknown'), IF(IFNULL(is_bot, FALSE), ' (crawler)', '')) AS name,
  SUM(requests) AS requests, SUM(unique_visitors) AS unique_visitors, SUM(errors) AS errors, SUM(bytes) AS bytes
FROM {{ dataset }}.daily_user_agents
WHERE log_date = @day
GROUP BY name
ORDER BY requests DESC, name
LIMIT 10
