-- Common table expressions: the run's decision, and how the heartbeats of the runs before it have landed.
decided AS (
  SELECT
    TIMESTAMP(JSON_VALUE(@decision, '$.observed_at')) AS observed_at,
    JSON_VALUE(@decision, '$.job_id') AS job_id,
    JSON_VALUE(@decision, '$.decision') = 'keep' AS is_kept,
    TIMESTAMP(JSON_VALUE(@decision, '$.since')) AS since,
    CAST(JSON_VALUE(@decision, '$.messages') AS INT64) AS messages,
    CAST(JSON_VALUE(@decision, '$.rows') AS INT64) AS good,
    CAST(JSON_VALUE(@decision, '$.rejected') AS INT64) AS rejected
),
-- A week: as long as a message waits in the subscription. A redelivered heartbeat is known by its first row.
landed AS (
  SELECT
    heartbeat.published_at,
    MIN(heartbeat.landed_at) AS landed_at,
    LOGICAL_OR(heartbeat.job_id = decided.job_id) AS by_this_job
  FROM {{ dataset }}.stream_heartbeats AS heartbeat CROSS JOIN decided
  WHERE heartbeat.landed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
  GROUP BY heartbeat.published_at
),
newest AS (
  SELECT
    MAX(published_at) AS published_at,
    MAX_BY(landed_at, published_at) AS landed_at,
    IFNULL(LOGICAL_OR(by_this_job), FALSE) AS by_this_job
  FROM landed
),
-- The first one published after the newest that has landed.
waiting AS (
  SELECT MIN(recorded.heartbeat_at) AS published_at
  FROM {{ dataset }}.stream_supervision AS recorded CROSS JOIN newest CROSS JOIN decided
  WHERE recorded.observed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
    AND recorded.heartbeat_at < decided.observed_at
    AND recorded.heartbeat_at > IFNULL(newest.published_at, TIMESTAMP '1970-01-01')
),
-- A job of a release without heartbeats takes them for blank lines: its counter of messages shows that it lives.
counting AS (
  SELECT COUNT(*) AS records
  FROM {{ dataset }}.stream_supervision AS recorded
  JOIN decided ON recorded.job_id = decided.job_id
  WHERE recorded.messages < decided.messages
    AND recorded.observed_at >= TIMESTAMP_SUB(decided.observed_at, INTERVAL {{ max_silence_minutes }} MINUTE)
    AND recorded.observed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)
),
landing AS (
  SELECT
    newest.landed_at AS heartbeat_landed_at,
    -- NULL for a job that has landed none.
    IF(newest.by_this_job, GREATEST(
      0,
      IFNULL(TIMESTAMP_DIFF(decided.observed_at, waiting.published_at, SECOND), 0),
      TIMESTAMP_DIFF(newest.landed_at, newest.published_at, SECOND)
    ), NULL) AS lag_seconds,
    -- For how long neither a message nor a heartbeat has landed, though a heartbeat waits.
    IF(
      waiting.published_at IS NULL OR counting.records > 0,
      0.0,
      ROUND(TIMESTAMP_DIFF(decided.observed_at, GREATEST(waiting.published_at, decided.since), SECOND) / 60, 1)
    ) AS silent_minutes
  FROM decided CROSS JOIN newest CROSS JOIN waiting CROSS JOIN counting
),
verdict AS (
  SELECT
    landing.*,
    decided.is_kept AND landing.silent_minutes > {{ max_silence_minutes }} AS is_silent,
    -- After an outage the job is given the time to catch up.
    decided.is_kept AND IFNULL(landing.lag_seconds > @max_lag_seconds, FALSE)
      AND TIMESTAMP_DIFF(decided.observed_at, decided.since, SECOND) > @max_lag_seconds AS is_late
  FROM decided CROSS JOIN landing
)
