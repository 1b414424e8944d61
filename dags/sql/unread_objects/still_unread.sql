-- Objects that were found unread and that no run has read since.
SELECT unread.*
FROM {{ dataset }}.unread_objects AS unread
LEFT JOIN (
  SELECT source_uri, MAX(generation) AS generation FROM {{ dataset }}.ledger WHERE source = 'backfill' GROUP BY source_uri
) AS newest ON newest.source_uri = unread.object
WHERE newest.generation IS NULL OR newest.generation < unread.generation
