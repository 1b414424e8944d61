-- Objects in the bucket that no run has read, the oldest first.
SELECT object, size, created, noticed_at, reason, unread.log_date
FROM {{ dataset }}.unread_objects AS unread
LEFT JOIN (
  SELECT source_uri, MAX(generation) AS generation FROM {{ dataset }}.ledger
  WHERE finished >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY) AND source = 'backfill'
  GROUP BY source_uri
) AS newest ON newest.source_uri = unread.object
WHERE newest.generation IS NULL OR newest.generation < unread.generation
ORDER BY noticed_at, object
LIMIT 200
