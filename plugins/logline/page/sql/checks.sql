-- What the gates found when they looked at each day last: the checks that did not pass, and those with figures that are shown.
WITH latest AS (
  SELECT
    log_date, checked_at, run_id, level, check_name, passed, expected, actual, message,
    COUNT(*) OVER (PARTITION BY log_date) AS checks
  FROM (
    SELECT log_date, checked_at, run_id, gate, level, check_name, passed, expected, actual, message
    FROM {{ dataset }}.quality_checks
    WHERE checked_at >= TIMESTAMP(@first_day) AND {% include 'period.sql' %} AND dag_id = 'daily_summary'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, gate, check_name ORDER BY checked_at DESC) = 1
  )
)
SELECT log_date, checked_at, run_id, level, check_name, passed, expected, actual, message, checks
FROM latest
WHERE NOT passed
  OR check_name IN ('lines = rows + rejected + blank', 'share of rejected lines', 'landed = requests + duplicates')
ORDER BY log_date DESC, check_name
LIMIT 5000
