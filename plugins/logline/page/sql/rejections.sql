-- Why lines were rejected, by reason and source.
SELECT
  error_type, source, SUM(lines) AS lines, SUM(objects) AS objects, COUNT(DISTINCT log_date) AS days,
  MAX(log_date) AS last_day, ANY_VALUE(most_of HAVING MAX lines) AS most_of
FROM {{ dataset }}.daily_rejected_lines
WHERE {% include 'period.sql' %}
GROUP BY error_type, source
ORDER BY lines DESC, error_type, source
LIMIT 50
