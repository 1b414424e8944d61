-- One row for each decision, however often the task runs.
MERGE {{ dataset }}.stream_supervision AS recorded
USING (
  SELECT
    TIMESTAMP(JSON_VALUE(@decision, '$.observed_at')) AS observed_at,
    JSON_VALUE(@decision, '$.run_id') AS run_id,
    JSON_VALUE(@decision, '$.job_name') AS job_name,
    JSON_VALUE(@decision, '$.job_id') AS job_id,
    JSON_VALUE(@decision, '$.state') AS state,
    JSON_VALUE(@decision, '$.version') AS version,
    JSON_VALUE(@decision, '$.template_version') AS template_version,
    JSON_VALUE(@decision, '$.decision') AS decision,
    JSON_VALUE(@decision, '$.reason') AS reason,
    JSON_VALUE(@decision, '$.runbook') AS runbook,
    CAST(JSON_VALUE(@decision, '$.ends') AS INT64) AS ends,
    CAST(JSON_VALUE(@decision, '$.lag_seconds') AS INT64) AS lag_seconds,
    CAST(JSON_VALUE(@decision, '$.rows') AS INT64) AS good,
    CAST(JSON_VALUE(@decision, '$.rejected') AS INT64) AS rejected
) AS decided
ON recorded.run_id = decided.run_id AND recorded.observed_at = decided.observed_at
WHEN NOT MATCHED THEN
  INSERT (observed_at, run_id, job_name, job_id, state, version, template_version, decision, reason, runbook, ends,
    lag_seconds, `rows`, rejected)
  VALUES (observed_at, run_id, job_name, job_id, state, version, template_version, decision, reason, runbook, ends,
    lag_seconds, good, rejected)
