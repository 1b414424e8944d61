-- One day by the hour.
SELECT hour, requests, errors, bots, unique_visitors, bytes
FROM {{ dataset }}.hourly_traffic
WHERE log_date = @day
ORDER BY hour
