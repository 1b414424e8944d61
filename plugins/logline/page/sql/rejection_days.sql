-- Days by the reason why lines were rejected.
SELECT log_date, error_type, SUM(lines) AS lines
FROM {{ dataset }}.daily_rejected_lines
WHERE {% include 'period.sql' %}
GROUP BY log_date, error_type
ORDER BY log_date, error_type
