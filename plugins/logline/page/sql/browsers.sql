-- Browsers, operating systems and devices of those that are not crawlers.
SELECT browser, os, device, SUM(requests) AS requests, SUM(unique_visitors) AS unique_visitors, SUM(errors) AS errors
FROM {{ dataset }}.daily_user_agents
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %} AND NOT IFNULL(is_bot, FALSE)
GROUP BY browser, os, device
ORDER BY requests DESC, browser, os, device
LIMIT 300
