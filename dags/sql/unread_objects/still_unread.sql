-- Objects that were found unread and that no run has read since: `sweep` looks every hour, so 30 days are ample.
SELECT unread.*
FROM {{ dataset }}.unread_objects AS unread
LEFT JOIN (
  SELECT source_uri, MAX(generation) AS generation FROM {{ dataset }}.ledger
  WHERE source = 'backfill' AND NOT {% include 'sql/ledger/not_given.sql' %}
    AND finished >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 30 DAY)
  GROUP BY source_uri
) AS newest ON newest.source_uri = unread.object
WHERE newest.generation IS NULL OR newest.generation < unread.generation
