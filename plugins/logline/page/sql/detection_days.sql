-- Days by severity of what was found.
SELECT log_date, severity, SUM(requests) AS requests
FROM {{ dataset }}.daily_detections
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY log_date, severity
ORDER BY log_date, severity
