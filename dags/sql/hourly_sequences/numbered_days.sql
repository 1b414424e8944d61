-- Those of `days` that have numbered lines.
SELECT CAST(log_date AS STRING) AS day FROM {{ staging }}.request_groups
WHERE kind = 0 AND numbered > 0 AND {{ days }}
ORDER BY day
