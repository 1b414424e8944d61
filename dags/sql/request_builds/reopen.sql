-- Notes down which days have to be rebuilt, and which have changed too late for that: one row for each change.
INSERT INTO {{ dataset }}.request_builds (log_date, run_id, decision, backfilled, streamed, late, requests, decided_at)
WITH landed AS (
  SELECT log_date, SUM(backfilled) AS backfilled, SUM(streamed) AS streamed FROM (
    SELECT log_date, COUNT(*) AS backfilled, 0 AS streamed FROM {{ dataset }}.backfilled_requests
    WHERE log_date BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY) AND DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
    GROUP BY log_date
    UNION ALL
    SELECT log_date, 0, COUNT(*) FROM {{ dataset }}.streamed_requests
    WHERE log_date BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY) AND DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
    GROUP BY log_date
  )
  GROUP BY log_date
),
builds AS (
  SELECT log_date, decision, backfilled, streamed, decided_at FROM {{ dataset }}.request_builds
),
rebuilt AS (
  SELECT log_date, backfilled + streamed AS landed FROM builds WHERE decision = 'rebuilt'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
),
-- What came for days before the bound since they were last noted down. The stream's ledger is enough for that.
decided AS (
  SELECT log_date, MAX(decided_at) AS decided_at FROM builds GROUP BY log_date
),
too_late AS (
  SELECT log_date, SUM(`rows`) AS late
  FROM (
    SELECT log_date, `rows`, ingested_at FROM {{ dataset }}.stream_batches
    WHERE log_date < DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, log_date ORDER BY ingested_at) = 1
  ) LEFT JOIN decided USING (log_date)
  WHERE decided_at IS NULL OR ingested_at > decided_at
  GROUP BY log_date
)
SELECT log_date, '{{ run_id }}', 'reopened', landed.backfilled, landed.streamed,
  landed.backfilled + landed.streamed - IFNULL(rebuilt.landed, 0), CAST(NULL AS INT64), CURRENT_TIMESTAMP()
FROM landed LEFT JOIN rebuilt USING (log_date)
WHERE rebuilt.landed IS NULL OR rebuilt.landed != landed.backfilled + landed.streamed
UNION ALL
SELECT log_date, '{{ run_id }}', 'left', 0, 0, late, CAST(NULL AS INT64), CURRENT_TIMESTAMP() FROM too_late
