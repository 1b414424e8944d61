-- The looks of the last 30 days at which the stream was not simply running and kept, and the first after each.
SELECT observed_at, job_id, state, decision, reason, runbook
FROM (
  SELECT
    observed_at, job_id, state, decision, reason, runbook,
    decision != 'keep' OR runbook IS NOT NULL AS is_odd,
    LAG(decision != 'keep' OR runbook IS NOT NULL) OVER (ORDER BY observed_at) AS was_odd
  FROM {{ dataset }}.stream_supervision
  WHERE observed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)
)
WHERE is_odd OR was_odd
ORDER BY observed_at
LIMIT 2000
