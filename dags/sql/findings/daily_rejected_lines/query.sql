-- Reads no raw line; `since` is before anything of the days was read.
WITH {% include 'sql/ledger/main_days.sql' %},
rejected AS (
  SELECT main_days.log_date, 'backfill' AS source, error_type, source_uri, COUNT(*) AS lines
  FROM {{ dataset }}.rejected_backfilled JOIN main_days USING (source_uri)
  WHERE ingested_at >= {{ since }}
  GROUP BY log_date, error_type, source_uri
  UNION ALL
  SELECT DATE(ingested_at) AS log_date, 'stream', error_type, source_uri, COUNT(DISTINCT event_id)
  FROM {{ dataset }}.rejected_streamed
  WHERE ingested_at >= {{ since }}
  GROUP BY log_date, error_type, source_uri
)
SELECT
  log_date,
  source,
  error_type,
  SUM(lines) AS lines,
  COUNT(DISTINCT source_uri) AS objects,
  ARRAY_AGG(source_uri ORDER BY lines DESC, source_uri LIMIT 1)[OFFSET(0)] AS most_of
FROM rejected
WHERE {{ days }}
GROUP BY log_date, source, error_type
