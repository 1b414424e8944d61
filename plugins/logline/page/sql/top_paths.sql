-- What was asked for most on a day.
SELECT path AS name, requests, unique_visitors, errors, bytes
FROM {{ dataset }}.daily_paths
WHERE log_date = @day
ORDER BY requests DESC, name
LIMIT 10
