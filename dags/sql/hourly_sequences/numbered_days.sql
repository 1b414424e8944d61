-- Those of `days` that have numbered lines.
SELECT CAST(log_date AS STRING) AS day FROM {{ dataset }}.requests
WHERE {{ days }} AND sequence IS NOT NULL
GROUP BY log_date ORDER BY day
