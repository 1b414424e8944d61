-- What the running job has made of its lines lately, and how fresh its rows are.
-- The share of rejected lines comes from the job's own counters, as the runs of the last quarter of an hour recorded
-- them: the lines of a replayed old log are of old days, so that no partition of today would hold them.
WITH decided AS (
  SELECT
    TIMESTAMP(JSON_VALUE(@decision, '$.observed_at')) AS observed_at,
    JSON_VALUE(@decision, '$.job_id') AS job_id,
    IFNULL(CAST(JSON_VALUE(@decision, '$.rows') AS INT64), 0) AS good,
    IFNULL(CAST(JSON_VALUE(@decision, '$.rejected') AS INT64), 0) AS rejected
),
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
    decided.good - before.good + decided.rejected - before.rejected AS lines,
    decided.rejected - before.rejected AS rejected
  FROM decided CROSS JOIN before
)
-- A share of a handful of lines means nothing.
SELECT 'at most this % of the lines rejected' AS check_name, 'fail' AS level,
  lines < 100 OR 100 * rejected <= lines * @max_rejected_percent AS passed,
  @max_rejected_percent AS expected,
  IF(lines > 0, ROUND(100 * rejected / lines, 1), 0.0) AS actual,
  CONCAT(CAST(rejected AS STRING), ' of the last ', CAST(lines AS STRING), IF(lines = 1, ' line', ' lines'), ': see {{ runbooks }}#rejected-lines')
    AS message
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
