-- What was asked for most on a day.
SELECT
  path AS name, SUM(requests) AS requests, SUM(unique_visitors) AS unique_visitors, SUM(errors) AS errors, SUM(bytes) AS bytes
FROM {{ dataset }}.daily_paths
WHERE log_date = @day
GROUP BY name
ORDER BY requests DESC, name
LIMIT 10
