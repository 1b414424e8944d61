-- One day by the hour.
SELECT
  hour, SUM(requests) AS requests, SUM(errors) AS errors, SUM(bots) AS bots, SUM(unique_visitors) AS unique_visitors,
  SUM(bytes) AS bytes
FROM {{ dataset }}.hourly_traffic
WHERE log_date = @day
GROUP BY hour
ORDER BY hour
