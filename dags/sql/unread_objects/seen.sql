-- What is known of the objects below a prefix: the newest generation that was read, and when others were noticed.
SELECT source_uri AS object, MAX(generation) AS generation, CAST(NULL AS TIMESTAMP) AS noticed_at
FROM {{ dataset }}.ledger
WHERE source = 'backfill' AND generation IS NOT NULL AND STARTS_WITH(source_uri, @prefix)
GROUP BY source_uri
UNION ALL
SELECT object, generation, noticed_at FROM {{ dataset }}.unread_objects
