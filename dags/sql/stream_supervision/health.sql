-- How far the running job is behind, whether anything lands at all, and what it has made of its lines lately.
-- The share of rejected lines comes from the job's own counters, as the runs of the last quarter of an hour recorded
-- them: the lines of a replayed old log are of old days, so that no partition of today would hold them.
WITH {% include 'sql/stream_heartbeats/landing.sql' %},
before AS (
  SELECT IFNULL(MIN(recorded.rows), 0) AS good, IFNULL(MIN(recorded.rejected), 0) AS rejected
  FROM {{ dataset }}.stream_supervision AS recorded
  JOIN decided ON recorded.job_id = decided.job_id
  WHERE recorded.observed_at >= TIMESTAMP_SUB(decided.observed_at, INTERVAL 15 MINUTE) AND recorded.observed_at < decided.observed_at
    -- For the partitions: a run is checked within minutes.
    AND recorded.observed_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)
),
lately AS (
  SELECT
    IFNULL(decided.good, 0) - before.good + IFNULL(decided.rejected, 0) - before.rejected AS lines,
    IFNULL(decided.rejected, 0) - before.rejected AS rejected
  FROM decided CROSS JOIN before
)
SELECT 'at most this many seconds until a heartbeat lands' AS check_name, 'fail' AS level,
  NOT is_late AS passed,
  @max_lag_seconds AS expected,
  IFNULL(CAST(lag_seconds AS FLOAT64), 0.0) AS actual,
  'the job is behind: see {{ runbooks }}#lag' AS message
FROM verdict
UNION ALL
SELECT 'at most this many minutes in which nothing lands', 'fail',
  NOT is_silent,
  CAST({{ max_silence_minutes }} AS FLOAT64),
  silent_minutes,
  'neither lines nor heartbeats: see {{ runbooks }}#stale-rows'
FROM verdict
UNION ALL
-- A share of a handful of lines means nothing.
SELECT 'at most this % of the lines rejected', 'fail',
  lines < 100 OR 100 * rejected <= lines * @max_rejected_percent,
  @max_rejected_percent,
  IF(lines > 0, ROUND(100 * rejected / lines, 1), 0.0),
  CONCAT(CAST(rejected AS STRING), ' of the last ', CAST(lines AS STRING), IF(lines = 1, ' line', ' lines'), ': see {{ runbooks }}#rejected-lines')
FROM lately
{% if max_freshness_minutes %}
UNION ALL
-- Two days of partitions: a line may be late, and midnight come in between.
SELECT 'at most this many minutes since the last row', 'fail',
  IFNULL(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_at), SECOND) <= 60 * {{ max_freshness_minutes }}, FALSE),
  CAST({{ max_freshness_minutes }} AS FLOAT64),
  IFNULL(ROUND(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(ingested_at), SECOND) / 60, 1), 2880.0),
  'minutes without a row in streamed_requests: see {{ runbooks }}#stale-rows'
FROM {{ dataset }}.streamed_requests
WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
{% endif %}
