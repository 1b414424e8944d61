-- Requests per day and class of status, counted back from the newest summarised day.
SELECT
  log_date,
  CASE DIV(status, 100) WHEN 2 THEN '2xx' WHEN 3 THEN '3xx' WHEN 4 THEN '4xx' WHEN 5 THEN '5xx' ELSE 'other' END AS status_class,
  SUM(requests) AS requests
FROM {{ dataset }}.daily_statuses
WHERE log_date > DATE_SUB((SELECT MAX(log_date) FROM {{ dataset }}.daily_summary), INTERVAL @days DAY)
GROUP BY log_date, status_class
ORDER BY log_date, status_class
