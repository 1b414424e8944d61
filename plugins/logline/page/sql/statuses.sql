-- Days by HTTP status.
SELECT log_date, status, SUM(requests) AS requests, SUM(bytes) AS bytes
FROM {{ dataset }}.daily_statuses
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY log_date, status
ORDER BY log_date, status
