-- Of `near_days` those that an older release has built, or that have been built and not summarised: what their visitors did
-- around midnight is not known yet.
SELECT CAST(log_date AS STRING) AS day FROM {{ dataset }}.request_builds
WHERE {{ near_days }}
GROUP BY log_date
HAVING COUNTIF(decision IN ('rebuilt', 'added')) > 0 AND COUNTIF(decision = 'summarised') = 0
ORDER BY day
