-- What the stream has brought to past days since they were last decided on, as the ledger counts it.
SELECT
  log_date,
  landed.backfilled,
  landed.streamed,
  landed.streamed - IFNULL(COALESCE(stream_rows, IF(decision = 'left', landed.streamed, last.streamed)), 0) AS late,
  last.messages AS messages_before,
  IF(decision = 'left', 0, IFNULL(last.streamed, 0)) AS rows_before,
  -- A day that was never built, or before it was over, does not wait.
  IFNULL(decided_at < TIMESTAMP(DATE_ADD(log_date, INTERVAL 1 DAY)), TRUE)
    OR CURRENT_TIMESTAMP() >= TIMESTAMP_ADD(
      decided_at, INTERVAL CAST(LEAST(POW(2, GREATEST(times - 1, 0)), 24) AS INT64) HOUR
    ) AS is_due
FROM (
  {% include 'sql/request_builds/ledger_days.sql' %}
) AS landed
LEFT JOIN (
  SELECT * FROM {{ dataset }}.request_builds
  WHERE decision IN ('rebuilt', 'added', 'copies', 'left')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
) AS last USING (log_date)
LEFT JOIN (
  SELECT log_date, COUNT(*) AS times, MAX(IF(decision = 'reopened', decided_at, NULL)) AS reopened_at
  FROM {{ dataset }}.request_builds WHERE decision IN ('reopened', 'copies') GROUP BY log_date
) AS earlier USING (log_date)
WHERE landed.streamed > 0 AND IFNULL(reopened_at < decided_at, reopened_at IS NULL)
