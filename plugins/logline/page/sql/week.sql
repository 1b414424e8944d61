-- Requests of an hour of the week (Monday is 1), all of the period's added up, and on how many days.
SELECT
  MOD(EXTRACT(DAYOFWEEK FROM log_date) + 5, 7) + 1 AS weekday,
  EXTRACT(HOUR FROM hour) AS hour_of_day,
  SUM(requests - bots) AS requests,
  COUNT(DISTINCT log_date) AS days
FROM {{ dataset }}.hourly_traffic
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY weekday, hour_of_day
ORDER BY weekday, hour_of_day
