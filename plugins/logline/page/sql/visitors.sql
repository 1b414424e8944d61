-- Who asked most of a host on the last day, crawlers left out.
SELECT remote_addr, user_agent, requests, errors, bytes, first_request, last_request
FROM {{ dataset }}.daily_visitors
WHERE log_date = @last_day AND {% include 'of_host.sql' %} AND NOT is_bot
ORDER BY requests DESC, remote_addr, user_agent
LIMIT 100
