-- What is known of the objects whose address begins so: the newest generation that a run has read or found unreadable,
-- and when others were found unread.
SELECT source_uri AS object, known AS generation, CAST(NULL AS TIMESTAMP) AS noticed_at
FROM (
{% include 'sql/ledger/objects.sql' %}
)
UNION ALL
SELECT object, generation, noticed_at FROM {{ dataset }}.unread_objects
