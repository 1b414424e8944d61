-- One row for each decision, however often the task runs.
MERGE {{ dataset }}.stream_supervision AS recorded
USING (
  WITH {% include 'sql/stream_heartbeats/landing.sql' %}
  SELECT
    decided.observed_at,
    JSON_VALUE(@decision, '$.run_id') AS run_id,
    JSON_VALUE(@decision, '$.job_name') AS job_name,
    decided.job_id,
    JSON_VALUE(@decision, '$.state') AS state,
    JSON_VALUE(@decision, '$.version') AS version,
    JSON_VALUE(@decision, '$.template_version') AS template_version,
    JSON_VALUE(@decision, '$.decision') AS decision,
    CONCAT(
      JSON_VALUE(@decision, '$.reason'),
      IF(decided.is_kept AND verdict.lag_seconds IS NOT NULL, FORMAT(', %d s behind', verdict.lag_seconds), ''),
      IF(verdict.is_silent, FORMAT(', nothing has landed for %.0f min', verdict.silent_minutes), '')
    ) AS reason,
    COALESCE(
      JSON_VALUE(@decision, '$.runbook'),
      CASE WHEN verdict.is_silent THEN 'stale-rows' WHEN verdict.is_late THEN 'lag' END
    ) AS runbook,
    CAST(JSON_VALUE(@decision, '$.ends') AS INT64) AS ends,
    verdict.lag_seconds,
    decided.good,
    decided.rejected,
    decided.messages,
    TIMESTAMP(JSON_VALUE(@decision, '$.heartbeat_at')) AS heartbeat_at,
    verdict.heartbeat_landed_at
  FROM decided CROSS JOIN verdict
) AS decided
ON recorded.run_id = decided.run_id AND recorded.observed_at = decided.observed_at
WHEN NOT MATCHED THEN
  INSERT (observed_at, run_id, job_name, job_id, state, version, template_version, decision, reason, runbook, ends,
    lag_seconds, `rows`, rejected, messages, heartbeat_at, heartbeat_landed_at)
  VALUES (observed_at, run_id, job_name, job_id, state, version, template_version, decision, reason, runbook, ends,
    lag_seconds, good, rejected, messages, heartbeat_at, heartbeat_landed_at)
