-- What stream_supervisor saw in the last day, the latest first.
SELECT observed_at, job_id, state, version, template_version, decision, reason, runbook, ends, lag_seconds, `rows`, rejected,
  heartbeat_landed_at
FROM {{ dataset }}.stream_supervision
WHERE observed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)
ORDER BY observed_at DESC
LIMIT 500
