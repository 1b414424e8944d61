-- When each table last changed, read from the small tables that say so.
WITH builds AS (
  SELECT MAX(decided_at) AS newest
  FROM {{ dataset }}.request_builds
  WHERE decision IN ('rebuilt', 'added') AND decided_at >= TIMESTAMP_SUB(@now, INTERVAL 366 DAY)
)
SELECT 'streamed_requests' AS table_name, 'newest batch of the stream' AS what, MAX(ingested_at) AS newest, MAX(log_date) AS last_day
FROM {{ dataset }}.stream_batches WHERE ingested_at >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY) AND `rows` > 0
UNION ALL
SELECT 'backfilled_requests', 'newest file read', MAX(finished), MAX(log_date)
FROM {{ dataset }}.ledger_days WHERE finished >= TIMESTAMP_SUB(@now, INTERVAL 366 DAY)
UNION ALL
SELECT 'rejected_lines', 'newest line that could not be read', MAX(ingested_at), CAST(NULL AS DATE)
FROM (
  SELECT ingested_at FROM {{ dataset }}.rejected_backfilled WHERE ingested_at >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY)
  UNION ALL
  SELECT ingested_at FROM {{ dataset }}.rejected_streamed WHERE ingested_at >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY)
)
UNION ALL
SELECT 'requests', 'newest rebuilt day', (SELECT newest FROM builds), MAX(log_date) FROM {{ dataset }}.daily_summary
UNION ALL
SELECT 'quality_checks', 'newest check', MAX(checked_at), MAX(log_date)
FROM {{ dataset }}.quality_checks WHERE checked_at >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY)
UNION ALL
SELECT 'stream_supervision', 'newest look at the stream', MAX(observed_at), CAST(NULL AS DATE)
FROM {{ dataset }}.stream_supervision WHERE observed_at >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY)
UNION ALL
SELECT
  'unread_objects',
  CASE COUNT(*) WHEN 0 THEN 'no object unread in the bucket' WHEN 1 THEN '1 object unread, written'
    ELSE CONCAT(CAST(COUNT(*) AS STRING), ' objects unread, the newest written') END,
  MAX(created),
  MAX(log_date)
FROM {{ dataset }}.unread_objects AS unread
LEFT JOIN (
  SELECT source_uri, MAX(generation) AS generation FROM {{ dataset }}.ledger
  WHERE finished >= TIMESTAMP_SUB(@now, INTERVAL 30 DAY) AND source = 'backfill'
  GROUP BY source_uri
) AS newest ON newest.source_uri = unread.object
WHERE newest.generation IS NULL OR newest.generation < unread.generation
