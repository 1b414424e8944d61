-- Who asked most on a day, crawlers left out.
SELECT remote_addr AS name, user_agent AS detail, requests, errors, bytes, first_request, last_request
FROM {{ dataset }}.daily_visitors
WHERE log_date = @day AND NOT is_bot
ORDER BY requests DESC, name, detail
LIMIT 10
