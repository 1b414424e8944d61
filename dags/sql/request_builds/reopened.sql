-- What the run noted down.
SELECT CAST(log_date AS STRING) AS day, decision, SUM(late) AS late FROM {{ dataset }}.request_builds
WHERE run_id = '{{ run_id }}' AND decision IN ('reopened', 'copies', 'left')
  AND decided_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 2 DAY)
GROUP BY log_date, decision
ORDER BY day
